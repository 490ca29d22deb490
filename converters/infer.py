"""A sample of a CSV file and what was told about it -> what each column shall be.

Follows :mod:`converters.sample`; what comes out is written as ``freshet.toml`` by
:mod:`converters.infer_write`. Each column that nothing was told about is decided by
:mod:`converters.infer_column`.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from converters.cells import RefusedCellError
from converters.column_sample import ColumnSample
from converters.csv_file import CsvFileError, other_delimiter
from converters.infer_column import Decision, decide
from converters.infer_labels import InferError, LabelColumn, Labels, map_labels
from converters.sample import Sample
from converters.times import time_ms
from converters.toml_text import quoted, readable

# Categories crossed in the suggestion: the best few that tell something at all.
CROSSED_COLUMNS = 3
CROSSED_AUC = 0.53


@dataclass(frozen=True)
class Told:
    """What the person said.

    Attributes:
        label: the label column.
        positive: the spellings of the positive class; one at least must occur.
        negative: those of the negative class; empty means every other one that occurs.
        id_column: the column that names an event, if any.
        time_column: the column that says when it was, if any.
        drop: columns not to be learned from.
    """

    label: str
    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    id_column: str | None = None
    time_column: str | None = None
    drop: tuple[str, ...] = ()

    @property
    def roles(self) -> list[tuple[str, str, str]]:
        """(option, column, role) of each column that something was told about."""
        told = [("--label", self.label, "label"), ("--id", self.id_column, "id")]
        told += [("--time", self.time_column, "time")]
        told += [("--drop", name, "drop") for name in self.drop]
        return [(option, name, role) for option, name, role in told if name is not None]


@dataclass(frozen=True)
class Inference:
    """What the config file shall say of the data.

    Attributes:
        decisions: one a column, in the file's order.
        labels: the label map.
        crossings: pairs of columns worth trying as interactions.
        warnings: what the person should look at.
    """

    decisions: tuple[Decision, ...]
    labels: Labels
    crossings: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]


def infer(sample: Sample, told: Told) -> Inference:
    """Decide every column.

    Raises:
        InferError: a column or a label value that was told of is not in the sample, or nothing is
            left to learn from.
        CsvFileError: a cell of the time column is no time.
    """
    roles = _roles(sample, told)
    column = sample.columns[told.label]
    labels = map_labels(LabelColumn(told.label, column, told.positive, told.negative))
    decisions = []
    for name, cells in sample.columns.items():
        facts = ColumnSample(name, cells, sample.lines, labels.codes)
        role = roles.get(name)
        decisions.append(decide(facts) if role is None else _told(facts, role, labels, sample))
    if not any("kind" in d.settings for d in decisions):
        why = "; ".join(f"{quoted(d.name)}: {d.because}" for d in decisions)
        raise InferError(f"{sample.source} leaves no column to learn from ({why}).")
    warnings = [*_unreadable(sample), *labels.warnings]
    warnings += [warning for d in decisions for warning in d.warnings]
    return Inference(tuple(decisions), labels, _crossings(decisions), tuple(warnings))


def _roles(sample: Sample, told: Told) -> dict[str, str]:
    roles: dict[str, tuple[str, str]] = {}
    for option, name, role in told.roles:
        if name not in sample.columns:
            close = difflib.get_close_matches(name, list(sample.columns), n=1)
            hint = f"; did you mean {quoted(close[0])}?" if close else "."
            if mark := other_delimiter(list(sample.columns)):
                hint = f"; if its cells are parted by {mark}, say so with --delimiter."
            raise InferError(
                f"{option} names the column {quoted(name)}, which {sample.source} does not have"
                f"{hint} It has {', '.join(map(quoted, sample.columns))}."
            )
        if name in roles and roles[name][1] != role:
            raise InferError(
                f"{roles[name][0]} and {option} both name the column {quoted(name)}; it can have "
                "one role."
            )
        roles[name] = (option, role)
    return {name: role for name, (_, role) in roles.items()}


def _told(column: ColumnSample, role: str, labels: Labels, sample: Sample) -> Decision:
    """The decision about a column whose role was told."""
    settings: dict[str, object] = {"role": role}
    warnings: list[str] = []
    because = f"as told by --{role}"
    name = quoted(column.name)
    if role == "label" and labels.missing:
        settings["missing_values"] = labels.missing
        because += "; not known where spelt so"
    if role == "time":
        because += _time_span(column, sample)
    if role == "id":
        distinct, empty = len(column.counts.keys() - {""}), column.counts[""]
        repeated = len(column.cells) - empty - distinct
        if repeated:
            warnings.append(
                f"the id column {name} repeats itself in {repeated:,} rows of the sample; a row "
                "whose id was seen shortly before is dropped as a duplicate."
            )
        if empty:
            warnings.append(
                f"the id column {name} is empty in {empty:,} rows of the sample; no late label "
                "can find them."
            )
    return Decision(column.name, settings, because, tuple(warnings))


def _time_span(column: ColumnSample, sample: Sample) -> str:
    times = []
    for cell, line in zip(column.cells, column.lines, strict=True):
        if not cell:
            continue
        try:
            times.append((time_ms(cell), cell))
        except RefusedCellError:
            raise CsvFileError(
                f"{sample.source}, line {line}: {readable(cell)} in the time column "
                f"{quoted(column.name)} is no time. Times are ISO 8601, or seconds or milliseconds "
                "since 1970."
            ) from None
    if not times:
        return "; always empty"
    return f", {readable(min(times)[1])} to {readable(max(times)[1])}; UTC unless zone says another"


def _unreadable(sample: Sample) -> list[str]:
    if not sample.unreadable:
        return []
    said = (
        f"{len(sample.unreadable):,} rows of the sample were left out, the first in line "
        f"{sample.unreadable[0]}: not as many cells as the header, or not UTF-8."
    )
    return [said]


def _crossings(decisions: Sequence[Decision]) -> tuple[tuple[str, str], ...]:
    telling = [d for d in decisions if d.alone is not None and d.alone >= CROSSED_AUC]
    best = sorted(telling, key=lambda d: -(d.alone or 0))[:CROSSED_COLUMNS]
    return tuple(combinations((d.name for d in best), 2))
