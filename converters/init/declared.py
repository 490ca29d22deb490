"""What a person told of a file's columns, and what follows: label, id, time, weight, drop.

Part of :mod:`converters.init.schema_inference`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from converters.cells.refusal import RefusedCellError
from converters.cells.times import time_ms
from converters.cells.weight import MOST, MOST_WEIGHT
from converters.config.toml_text import quoted, readable
from converters.files.csv_file import CsvFileError, other_delimiter
from converters.init.column_decision import Alternative, Decision, Surroundings, counted, plain
from converters.init.labels import InferError, Labels
from converters.init.locale_formats import TIMES_READ
from converters.init.nonnumeric_columns import DEFAULT_ZONE, ZONE_SAID, parts_of, spanned
from converters.init.numeric_columns import bounds
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample


@dataclass(frozen=True)
class Told:
    """What the person said.

    Attributes:
        label: the label column.
        positive: the spellings of the positive class; one at least must occur.
        negative: those of the negative class; empty means every other one that occurs.
        id_column: the column that names an event, if any.
        time_column: the column that says when it was, if any.
        weight_column: the column that says how much a row counts, if any.
        drop: columns not to be learned from.
    """

    label: str
    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    id_column: str | None = None
    time_column: str | None = None
    weight_column: str | None = None
    drop: tuple[str, ...] = ()

    @property
    def roles(self) -> list[tuple[str, str, str]]:
        """(option, column, role) of each column that something was told about."""
        told = [("--label", self.label, "label"), ("--id", self.id_column, "id")]
        told += [("--time", self.time_column, "time"), ("--weight", self.weight_column, "weight")]
        told += [("--drop", name, "drop") for name in self.drop]
        return [(option, name, role) for option, name, role in told if name is not None]


def roles_of(sample: Sample, told: Told) -> dict[str, str]:
    """The role of each column that was told.

    Raises:
        InferError: there is no such column, or it was told twice.
    """
    roles: dict[str, tuple[str, str]] = {}
    for option, name, role in told.roles:
        if name not in sample.columns:
            raise InferError(_no_column(sample, option, name))
        if name in roles and roles[name][1] != role:
            raise InferError(
                f"{roles[name][0]} and {option} both name the column {quoted(name)}; it can have "
                "one role."
            )
        roles[name] = (option, role)
    return {name: role for name, (_, role) in roles.items()}


def _no_column(sample: Sample, option: str, name: str) -> str:
    close = difflib.get_close_matches(name, list(sample.columns), n=1)
    hint = f"; did you mean {quoted(close[0])}?" if close else "."
    if mark := other_delimiter(list(sample.columns)):
        hint = f". If its cells are parted by {mark}, say so with --delimiter."
    return (
        f"{option} names the column {quoted(name)}, which {sample.source} does not have{hint} It "
        f"has {', '.join(map(readable, sample.columns))}."
    )


def moments(column: ColumnSample, source: str) -> tuple[datetime | None, ...]:
    """When each row's event was, from the column that was told to say so.

    Raises:
        CsvFileError: a cell is no time; names it and its line.
    """
    known: dict[str, datetime | None] = dict.fromkeys(column.missing)
    for cell in column.distinct:
        try:
            known[cell] = datetime.fromtimestamp(time_ms(cell) / 1000, UTC)
        except RefusedCellError:
            raise CsvFileError(
                f"{source}, line {column.line_of(cell)}: {readable(cell)} in the time column "
                f"{quoted(column.name)} is no time. Read is {TIMES_READ}, or seconds or "
                "milliseconds since 1970: write all cells so, or leave --time away."
            ) from None
    return tuple(known[cell] for cell in column.cells)


def told_decision(
    column: ColumnSample, role: str, labels: Labels, surroundings: Surroundings
) -> Decision:
    """The decision about a column whose role was told.

    Raises:
        InferError: the column cannot have it.
    """
    if role == "label":
        spelt = "; not known where spelt so" if labels.missing else ""
        settings = {"missing_values": labels.missing} if labels.missing else {}
        return Decision(column.name, {"role": role, **settings}, f"as told by --label{spelt}")
    if role == "id":
        return _id(column)
    if role == "time":
        return _time(column, surroundings)
    if role == "weight":
        return _weight(column)
    return Decision(column.name, {"role": role}, f"as told by --{role}")


def _id(column: ColumnSample) -> Decision:
    warnings: list[str] = []
    name = quoted(column.name)
    distinct, empty = len(column.counts.keys() - {""}), column.counts[""]
    repeated = len(column.cells) - empty - distinct
    if repeated:
        warnings.append(
            f"the id column {name} repeats itself in {counted(repeated, 'row')} of the sample; a "
            "row whose id was seen shortly before is dropped as a duplicate."
        )
    if empty:
        warnings.append(
            f"the id column {name} is empty in {counted(empty, 'row')} of the sample; no late "
            "label can find them."
        )
    return Decision(column.name, {"role": "id"}, "as told by --id", (), tuple(warnings))


def _time(column: ColumnSample, surroundings: Surroundings) -> Decision:
    settings: dict[str, Any] = {"role": "time"}
    times = [moment for moment in surroundings.happened if moment is not None]
    if not times:
        return Decision(column.name, settings, "as told by --time; always empty")
    because = f"as told by --time, {spanned(times)}"
    parts, why = parts_of(column.name, times, surroundings)
    if not parts:
        return Decision(column.name, settings, f"{because}; no part of it comes again here")
    settings |= {"parts": parts, "zone": DEFAULT_ZONE}
    because += f"; learned from it is what comes again ({why}), {ZONE_SAID}"
    alone = Alternative({"role": "time"}, "to learn nothing from it")
    return Decision(column.name, settings, because, (alone,))


def _weight(column: ColumnSample) -> Decision:
    name = quoted(column.name)
    if column.odd:
        cell = column.odd[0]
        raise InferError(
            f"--weight names the column {name}, which holds {readable(cell)} in line "
            f"{column.line_of(cell)}: a weight is a number."
        )
    settings: dict[str, Any] = {"role": "weight"}
    because = "as told by --weight; without a number a row counts 1"
    warnings = []
    if column.numbers:
        low, high = min(column.numbers), max(column.numbers)
        because += f"; seen {plain(low)} .. {plain(high)}"
        if high > MOST:
            settings["max"] = min(bounds(low, high)[1], MOST_WEIGHT)
            because += f", so bounded at {plain(settings['max'])} instead of {plain(MOST)}"
        if low < 0 or high > MOST_WEIGHT:
            warnings.append(
                f"the weight column {name} holds {plain(low if low < 0 else high)}; weights are "
                f"0 to {MOST_WEIGHT:,.0f}, and others become the nearer of these."
            )
    if column.spellings:
        settings["missing_values"] = column.spellings
    return Decision(column.name, settings, because, (), tuple(warnings))
