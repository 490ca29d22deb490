"""The form in which refused rows are listed, corrected by hand or by a script, and resubmitted.

CSV with a header: where the row was and why it was refused, then the columns of its data, then the
whole of a row whose cells cannot be distinguished, which may be corrected there. ``freshet
dead-letters --rows`` prints it, and ``freshet replay-dead-letters`` reads it and reports; nothing
here is sent or judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.files.block_reader import LONGEST_ROW
from converters.files.csv_file import CsvFile, CsvFileError
from converters.files.framing import csv_line
from converters.schema.schema import LABEL_NAMES, Schema
from stream.dead_letters.refused_rows import Origin, RefusedRow
from stream.log.contract import Place
from stream.log.topics import Topics

ORIGIN = ("topic", "partition", "offset", "row")
REASON = ("reason", "column")
RAW = "raw"
# No longer than a spreadsheet's cell may be, and with four bytes a character 64 KB.
LONGEST_RAW = 16_000
# What a row may have so that it fits into a file with its origin and reason.
LONGEST_LISTED = LONGEST_ROW - 2**20


@dataclass(frozen=True)
class Form:
    """The columns of a listing.

    Attributes:
        names: the columns of the data.
        prefix: what precedes our own columns' names, so that none is also a data column's.
    """

    names: tuple[str, ...]
    prefix: str

    @property
    def origin(self) -> tuple[str, ...]:
        """Which row it is."""
        return self.own(ORIGIN)

    @property
    def header(self) -> tuple[str, ...]:
        """All columns in order."""
        return (*self.own((*ORIGIN, *REASON)), *self.names, *self.own((RAW,)))

    def own(self, names: Sequence[str]) -> tuple[str, ...]:
        """Columns that are not the data's, by their names in the listing."""
        return tuple(self.prefix + name for name in names)

    def line(self, row: RefusedRow) -> tuple[object, ...]:
        """A row as it is listed; a row too long for a file is listed as its raw text."""
        letter = row.letter
        cells, raw = row.cells, row.raw if row.cells is None else b""
        # Another delimiter than the comma could put quotes around each cell.
        if cells and len(csv_line(cells).encode()) + 2 * len(cells) > LONGEST_LISTED:
            cells, raw = None, row.raw
        place, offset, number = letter.origin
        origin = (*place, offset, number, letter.reason, letter.column)
        return (*origin, *(cells or [""] * len(self.names)), printable(raw))


def event_form(schema: Schema) -> Form:
    """The form of event rows."""
    return _form(schema.names)


def label_form() -> Form:
    """The form of label rows."""
    return _form(LABEL_NAMES)


def printable(raw: bytes) -> str:
    """Bytes as text that any editor or spreadsheet keeps unchanged; truncated if long."""
    text = raw[: 4 * LONGEST_RAW].replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:LONGEST_RAW]
    )
    return (
        shown
        if len(shown) <= LONGEST_RAW and len(raw) <= LONGEST_RAW
        else (shown[: LONGEST_RAW - 1] + "…")
    )


# What :func:`printable` writes for a backslash, a byte that is no UTF-8, or what is not printable.
_WRITTEN = re.compile(r"\\(\\|n|r|t|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")


def as_meant(raw: str) -> list[bytes]:
    """What a corrected row may be: with our escapes undone, or else as it is written."""

    def undone(found: re.Match[str]) -> str:
        kind, digits = found[1][0], found[1][1:]
        return chr(int(digits, 16)) if digits else {"n": "\n", "r": "\r", "t": "\t"}.get(kind, kind)

    texts = dict.fromkeys((_WRITTEN.sub(undone, raw), raw))
    return [text.encode("utf-8", "surrogatepass") for text in texts]


class Filed(NamedTuple):
    """A row that was resubmitted.

    Attributes:
        line: where it begins, or its number in a list.
        origin: which dead letter it is of.
        cells: of the row, or why they cannot be read.
        raw: the whole row instead, where no cell is filled in.
    """

    line: int
    origin: Origin | None
    cells: Sequence[str] | Refusal
    raw: str = ""


def no_origin(column: str, text: str) -> Refusal:
    """Why it is not known which dead letter a row is of."""
    return Refusal("bad-origin", column, quoted(text))


class CorrectedFile:
    """A file of corrected rows.

    Args:
        file: open at its first row.
        schema: names the columns of events.
        topics: distinguish events from labels.
        earlier: the columns of events before; the rows may have been listed under these.

    Raises:
        CsvFileError: the file's header fits none of the forms.
    """

    def __init__(
        self,
        file: CsvFile,
        schema: Schema,
        topics: Topics,
        earlier: Iterable[tuple[str, ...]] = (),
    ) -> None:
        self._file = file
        now = event_form(schema)
        forms = [(topics.events, form) for form in (now, *map(_form, earlier))]
        fitting = {
            topic: form
            for topic, form in (*reversed(forms), (topics.labels, label_form()))
            if {*form.origin, *form.names} <= set(file.header) <= set(form.header)
        }
        if not fitting:
            raise CsvFileError(_no_form(file, now))
        places = {name: place for place, name in enumerate(file.header)}
        self._cells_at: dict[str, list[int | None]] = {
            topic: [places.get(name) for name in form.names] for topic, form in fitting.items()
        }
        if topics.events in fitting:
            held = schema.column_names.held(fitting[topics.events].names)
            self._cells_at[topics.events] = [places.get(name) for name in held]
        self._raw_at = places.get(next(iter(fitting.values())).own((RAW,))[0])
        self._origin_at = [places[name] for name in next(iter(fitting.values())).origin]

    def rows(self) -> Iterator[Filed]:
        """The rows in order."""
        for line, content in self._file.rows():
            yield self._filed(line, content)

    def _filed(self, line: int, content: bytes) -> Filed:
        cells, width = self._file.dialect.cells_of(content), len(self._file.header)
        if isinstance(cells, Refusal):
            return Filed(line, None, cells)
        if len(cells) != width:
            return Filed(line, None, Refusal("wrong-width", "", f"{len(cells)} cells, not {width}"))
        topic, *numbers = (cells[at] for at in self._origin_at)
        for name, number in zip(ORIGIN[1:], numbers, strict=True):
            if not (number.isascii() and number.isdecimal() and len(number) < 20):
                return Filed(line, None, no_origin(name, number))
        partition, offset, row = map(int, numbers)
        origin = Origin(Place(topic, partition), offset, row)
        if topic not in self._cells_at:
            return Filed(line, origin, Refusal("not-a-dead-letter", "topic", quoted(topic)))
        picked = _picked(cells, self._cells_at[topic])
        raw = "" if self._raw_at is None or any(picked) else cells[self._raw_at]
        return Filed(line, origin, picked, raw)


def _picked(cells: Sequence[str], places: Sequence[int | None]) -> list[str]:
    """The cells at these places, empty where there is none."""
    return ["" if at is None else cells[at] for at in places]


class RefusedAgain(NamedTuple):
    """A row of a file that was not sent, and why."""

    line: int
    origin: Origin | None
    reason: str
    column: str

    def to_json(self) -> dict[str, Any]:
        """As the report names it; a row whose origin cannot be read is named by its line."""
        place, offset, row = self.origin or (Place("", 0), 0, 0)
        found = {"topic": place.topic, "partition": place.partition, "offset": offset, "row": row}
        named = found if self.origin else dict.fromkeys(found)
        return {"line": self.line, **named, "reason": self.reason, "column": self.column}


@dataclass
class Report:
    """What happened to the resubmitted rows, or to all that are left.

    Attributes:
        sent: rows sent now.
        already_sent: rows sent by an earlier run.
        refused: rows of a file that were not sent.
        left: without a file: rows that wait to be corrected, by the reason of their refusal.
        accepted_in_place: without a file: rows that the model has accepted since.
    """

    sent: int = 0
    already_sent: int = 0
    refused: list[RefusedAgain] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)
    accepted_in_place: int = 0

    def to_json(self) -> dict[str, Any]:
        """The document that ``--json`` prints."""
        return vars(self) | {"refused": [row.to_json() for row in self.refused]}


def _form(names: tuple[str, ...]) -> Form:
    prefix = ""
    while {prefix + name for name in (*ORIGIN, *REASON, RAW)} & set(names):
        prefix += "_"
    return Form(names, prefix)


def _no_form(file: CsvFile, form: Form) -> str:
    missing = [name for name in (*form.origin, *form.names) if name not in file.header]
    wrong = (
        f"lacks the column '{missing[0]}'"
        if missing
        else f"has the column '{next(n for n in file.header if n not in form.header)}', which is "
        "not one of them"
    )
    return (
        f"{file.name} is not a list of rows to correct: it {wrong}. Start from what 'freshet "
        "dead-letters --rows events' (or labels), or 'freshet quarantine export NUMBER', prints; "
        "correct the cells, and keep the header and its delimiter."
    )
