"""Histories of a model whose columns change: what was written under which, and a plain twin.

A history is a list of eras. In each era the config has other columns than before, and rows are
written by them: with names in a header, in JSON, or without any. The plain twin knows no schemas:
it has each row as a dictionary and looks for a column by its name and its former names.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from stream.log.contract import Outgoing
from tests.support.serving.project import Project

Row = dict[str, str]
CONFIG = """
model = "{model}"
log = "{log}"
[label]
positive = ["1"]
negative = ["0"]
[learner]
kind = "vw"
args = "-b 12"
[learn]
processes = {processes}
[evaluation]
window = 100
[checkpoint]
seconds = 0.01
min_spacing = 0
[columns]
id = {{ role = "id" }}
{columns}
late = {{ role = "label" }}
"""
FIXED = ("id", "late")
BEGIN = 1_357_000_000_000


@dataclass(frozen=True)
class Column:
    """A column of an era: its name, its kind, and the names that it had."""

    name: str
    kind: str
    was: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Its line in the config."""
        was = f", was = {json.dumps(list(self.was))}" if self.was else ""
        return f'{self.name} = {{ kind = "{self.kind}"{was} }}'


@dataclass(frozen=True)
class Era:
    """The columns of a time, and how each of its records is written.

    Attributes:
        columns: between id and label.
        forms: of each record: ``bare``, ``named``, ``json``, or ``torn``, which has a cell too few.
    """

    columns: tuple[Column, ...]
    forms: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns in order."""
        return ("id", *(column.name for column in self.columns), "late")


@dataclass
class History:
    """The eras, and every row that was written and can be read."""

    seed: int
    eras: Sequence[Era]
    rows: list[Row] = field(default_factory=list)
    torn: int = 0
    _count: int = 0

    def write(self, project: Project, era: Era, forms: Sequence[str] | None = None) -> None:
        """Write an era's records to a project's log."""
        with project.open_log() as log:
            topic = project.topics().events
            for record in self._records(era, era.forms if forms is None else forms):
                log.append(topic, [record])

    def _records(self, era: Era, forms: Sequence[str]) -> Iterator[Outgoing]:
        for form in forms:
            self._count += 1
            draw = random.Random(self.seed * 10_000 + self._count)
            rows = [self._row(era, number, draw) for number in range(draw.randrange(1, 5))]
            time = BEGIN + self._count * 1000
            if form == "torn":
                self.torn += len(rows)
                yield Outgoing(_csv([list(row.values())[1:] for row in rows]), time)
                continue
            self.rows.extend(rows)
            names = list(era.names)
            if form == "named":
                draw.shuffle(names)
            if form == "json":
                yield Outgoing(json.dumps(rows).encode(), time)
            else:
                header = (("columns", ",".join(names).encode()),) if form == "named" else ()
                yield Outgoing(_csv([[row[name] for name in names] for row in rows]), time, header)

    def _row(self, era: Era, number: int, draw: random.Random) -> Row:
        cells = {name: str(draw.randrange(5)) for name in era.names}
        late = int(sum(int(cells[c.name]) for c in era.columns) % 3 == 0)
        return cells | {"id": f"r{self._count}-{number}", "late": str(late)}


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n").encode()


def drawn(seed: int, *, most_eras: int = 3) -> History:
    """A history of changed columns: added anywhere, removed, renamed, re-typed."""
    draw, names = random.Random(seed), (f"c{number}" for number in range(1_000))
    columns = [Column(next(names), _kind(draw)) for _ in range(draw.randrange(1, 4))]
    eras = []
    for _ in range(draw.randrange(2, most_eras + 1)):
        forms = draw.choices(("bare", "named", "json", "torn"), (6, 2, 2, 1), k=6)
        eras.append(Era(tuple(columns), ("bare", *forms)))
        while tuple(columns) == eras[-1].columns:
            columns = _changed(columns, next(names), draw)
    return History(seed, eras)


def _kind(draw: random.Random) -> str:
    return draw.choice(("numeric", "categorical"))


def _changed(columns: Sequence[Column], name: str, draw: random.Random) -> list[Column]:
    found, at = list(columns), draw.randrange(len(columns))
    change, column = draw.choice(("add", "remove", "rename", "retype")), columns[at]
    if change == "add":
        found.insert(draw.randrange(len(columns) + 1), Column(name, _kind(draw)))
    elif change == "remove" and len(columns) > 1:
        del found[at]
    elif change == "rename":
        found[at] = replace(column, name=name, was=(*column.was, column.name))
    elif change == "retype":
        kind = "numeric" if column.kind == "categorical" else "categorical"
        found[at] = replace(column, kind=kind)
    return found


def project_of(
    folder: Path, log: str, model: str, era: Era, *, home: Project | None = None, processes: int = 1
) -> Project:
    """A model under the columns of an era; ``home`` is the same model under earlier ones."""
    project = Project(folder, log=log, model=model) if home is None else home
    lines = "\n".join(column.line for column in era.columns)
    text = CONFIG.format(model=model, log=log, columns=lines, processes=processes)
    return project.edited((project.config_file.read_text(encoding="utf-8"), text))


def as_of(era: Era, row: Row) -> Mapping[str, str]:
    """A row of any time under the columns of an era: by name, else by a former one."""
    found = {name: row[name] for name in FIXED}
    for column in era.columns:
        held = [name for name in (column.name, *column.was) if name in row]
        found |= {column.name: row[held[0]]} if held else {}
    return found


def plain_model(folder: Path, history: History, era: Era) -> str:
    """The hash of what plain learning of all rows under an era's columns gives."""
    project = project_of(folder, f"sqlite:///{folder}/plain.db", "plain", era)
    rows = [[as_of(era, row).get(name, "") for name in era.names] for row in history.rows]
    project.append(*[_csv([row]) for row in rows])
    return str(project.learn()["model_sha256"])
