"""``freshet explain``: the rows of a file, each with what every column adds; or one of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from io import TextIOWrapper
from typing import Any, NamedTuple

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.cells.remedies import ReasonCounts
from converters.config.settings import CsvSettings
from converters.convert.row_block import Row as ConvertedRow
from converters.convert.to_vw_text import reference
from converters.convert.whole_file import rows_with_cells
from converters.errors import UsageError
from converters.files.csv_file import open_csv
from converters.files.output import writing
from converters.schema.schema import Schema
from learners.explain.answers import Row, Wanted, Why
from learners.explain.explainer import Work, finished
from learners.line_bounds import UNLEARNABLE, RefusedLinesError

# What comes before the columns.
HEAD = ("line", "id", "score", "label", "log_odds", "baseline", "adjustment")


class Chosen(NamedTuple):
    """The one row of a file that is to be explained, and other cells for it.

    Attributes:
        line: that it begins on; None for any.
        id: its id; None for any.
        changes: other cells, by column.
    """

    line: int | None
    id: str | None
    changes: Mapping[str, str]


def chosen(
    schema: Schema, line: int | None, id_: str | None, changes: Sequence[str]
) -> Chosen | None:
    """What options choose; None for all rows.

    Raises:
        UsageError: they contradict each other, or name no column; says which.
    """
    named = dict(_changed(each, schema) for each in changes)
    if line is None and id_ is None:
        if named:
            raise UsageError("--change is about one row: choose it by --id or --line.")
        return None
    if line is not None and id_ is not None:
        raise UsageError("--id and --line both choose a row: leave one out.")
    if id_ is not None and schema.only("id") is None:
        raise UsageError("The model's rows have no ids: choose the row by --line.")
    return Chosen(line, id_, named)


def _changed(text: str, schema: Schema) -> tuple[str, str]:
    name, equals, cell = text.partition("=")
    learned = {feature.column for feature in schema.features}
    if not equals or name not in learned:
        raise UsageError(
            f"--change {quoted(text)}: write COLUMN=CELL, with a column that is learned from: "
            f"{', '.join(sorted(learned))}."
        )
    return name, cell


def explain_one(
    why: Why, schema: Schema, source: str, settings: CsvSettings, which: Chosen, wanted: Wanted
) -> dict[str, Any]:
    """The answer for one row of a file; for both states of it, if cells are to be changed.

    Raises:
        UsageError: there is no such row, or it is refused; says why.
    """
    with open_csv(source, settings) as file:
        for line, cells, row in rows_with_cells(file, schema):
            if isinstance(cells, Refusal) or not _is(which, schema, line, cells):
                if which.line is not None and line >= which.line:
                    _refuse(f"Line {which.line} of {source}", row)
                continue
            _refuse(f"Line {line} of {source}", row)
            return finished(_answer(why, schema, cells, which.changes, wanted))
    what = f"line {which.line}" if which.id is None else f"id '{quoted(which.id)}'"
    raise UsageError(f"{source} has no row with {what}.")


def _is(which: Chosen, schema: Schema, line: int, cells: Sequence[str]) -> bool:
    if which.id is None:
        return line == which.line
    at = schema.index("id")
    return at is not None and cells[at] == which.id


def _refuse(where: str, row: object) -> None:
    if isinstance(row, Refusal):
        column = f", column '{quoted(row.column)}'" if row.column else ""
        raise UsageError(
            f"{where} cannot be explained, for it is refused: {row.reason}{column} "
            f"({quoted(row.text)})."
        )


def _answer(
    why: Why, schema: Schema, cells: Sequence[str], changes: Mapping[str, str], wanted: Wanted
) -> Work[dict[str, Any]]:
    before = _row(schema, cells)
    if not changes:
        return (yield from why.row(before, wanted))
    other = [changes.get(name, cell) for name, cell in zip(schema.names, cells, strict=True)]
    return (yield from why.changed(before, _row(schema, other), wanted))


def _row(schema: Schema, cells: Sequence[str]) -> Row:
    row = reference(schema)(cells)
    _refuse("The row with these changes", row)
    assert not isinstance(row, Refusal)
    return Row(dict(zip(schema.names, cells, strict=True)), row[2])


def explain_file(
    why: Why, schema: Schema, source: str, output: str, settings: CsvSettings, wanted: Wanted
) -> tuple[int, ReasonCounts]:
    """Explain every row of a file, in its order.

    Writes CSV: for each row its score, what each column adds in log-odds, and its reasons; a
    refused row has none of these, but why.

    Returns:
        How many rows were explained, and which were refused.
    """
    count, refused = 0, ReasonCounts()
    names = why.columns
    reasons = [f"reason_{at + 1}" for at in range(why.reasons_of(wanted))]
    with open_csv(source, settings) as file, writing(output) as out:
        text = TextIOWrapper(out, encoding="utf-8", newline="", write_through=True)
        write = csv.writer(text, lineterminator="\n").writerow
        write([*HEAD, *names, *reasons, "refused", "refused_column"])
        for line, cells, row in rows_with_cells(file, schema):
            answer, id_ = _explained(why, schema, cells, row, wanted)
            if isinstance(answer, Refusal):
                refused.add([answer])
                blank = [""] * (len(HEAD) - 2 + len(names) + len(reasons))
                write([line, id_, *blank, answer.reason, answer.column])
                continue
            count += 1
            values = {each["column"]: each["contribution"] for each in answer["contributions"]}
            words = [each["reason"] for each in answer.get("reasons", ())]
            words += [""] * (len(reasons) - len(words))
            scored = (answer[name] for name in ("score", "label", "log_odds"))
            baseline = why.baseline["log_odds"]
            each = (values[name] for name in names)
            write([line, id_, *scored, baseline, answer["adjustment"], *each, *words, "", ""])
        text.detach()
    return count, refused


def _explained(
    why: Why,
    schema: Schema,
    cells: list[str] | Refusal,
    row: ConvertedRow | Refusal,
    wanted: Wanted,
) -> tuple[dict[str, Any] | Refusal, str]:
    """The answer for a row, or why there is none; and its id."""
    if isinstance(row, Refusal) or isinstance(cells, Refusal):
        return (row if isinstance(row, Refusal) else Refusal("not-a-row", "", "")), ""
    try:
        of = Row(dict(zip(schema.names, cells, strict=True)), row[2])
        return finished(why.row(of, wanted)), row[0]
    except RefusedLinesError as error:
        return Refusal(UNLEARNABLE, "", error.reasons[0]), row[0]
