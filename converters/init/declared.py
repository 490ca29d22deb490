"""What the options of ``freshet init`` declare: the label map, id, time, weight, dropped columns.

:func:`map_labels` gives the class of each row, :func:`declared_decision` what each such column is.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

from converters.cells.local_clock import MOST_EXPLAINED, step_back
from converters.cells.quantities import MOST, MOST_WEIGHT
from converters.cells.refusal import RefusedCellError
from converters.cells.spellings import Spellings, folded
from converters.cells.times import TimeReading
from converters.config.column_settings import FALSE_VALUES, TRUE_VALUES
from converters.config.toml_text import quoted, readable
from converters.errors import UsageError
from converters.files.csv_file import CsvFileError
from converters.files.first_line import UNNAMED
from converters.init.column_decision import Alternative, Decision, Surroundings, plain
from converters.init.event_ids import id_decision
from converters.init.locale_formats import command_with_others, times_instead
from converters.init.nonnumeric_columns import DEFAULT_ZONE, ZONE_SAID, parts_of, spanned
from converters.init.numeric_columns import bounds
from converters.init.stray_cells import marks_warned, no_times, unknown_labels
from converters.sampling.column_sample import ColumnSample, LabelColumn
from converters.sampling.file_sample import Sample
from converters.sampling.number_notations import is_number_otherwise, notation_in
from converters.sampling.time_formats import example, warned
from converters.show import tables

# Label values as a message lists them.
listed = partial(tables.listed, written=readable)
# More classes than this in one label column hint at a column that is no label, and this many no
# person looks through in the config.
MANY_VALUES = 31
MOST_VALUES = 1_000
SHOWN = 8


class InferError(UsageError):
    """What the options declare does not fit the file."""


@dataclass(frozen=True)
class Declared:
    """What the options say.

    Attributes:
        label: the label column.
        positive: the spellings of the positive class; one at least must occur.
        negative: those of the negative class; empty means every other one that occurs.
        id_column: the column that names an event, if any.
        time_column: the column that says when it was, if any.
        time_format: how that is written, if it is told.
        weight_column: the column that says how much a row counts, if any.
        drop: columns not to be learned from.
        mandatory: features without which a row is refused; ``all`` means those never missing.
        label_time: the column that says when the label was known, if any.
    """

    label: str
    positive: tuple[str, ...]
    negative: tuple[str, ...] = ()
    id_column: str | None = None
    time_column: str | None = None
    time_format: str = ""
    weight_column: str | None = None
    drop: tuple[str, ...] = ()
    mandatory: tuple[str, ...] = ()
    label_time: str | None = None

    @property
    def roles(self) -> list[tuple[str, str]]:
        """(column, role) of each column that an option names; options are called as roles are."""
        named = {"label": self.label, "id": self.id_column, "time": self.time_column}
        named["weight"] = self.weight_column
        roles = [(name, role) for role, name in named.items() if name is not None]
        known_late = [] if self.label_time is None else [(self.label_time, "leak")]
        return [*roles, *((name, "drop") for name in self.drop), *known_late]


@dataclass(frozen=True)
class Labels:
    """The label map, and the code of each row of the sample: 1, 0, None (not known)."""

    positive: tuple[str, ...]
    negative: tuple[str, ...]
    missing: tuple[str, ...]
    codes: tuple[int | None, ...]
    warnings: tuple[str, ...] = ()

    @property
    def balance(self) -> str:
        """How many rows of the sample are positive, in words."""
        known = sum(code is not None for code in self.codes)
        positive = sum(code == 1 for code in self.codes)
        are = "label in the sample is" if known == 1 else "labels in the sample are"
        return f"{positive:,} of {known:,} {are} positive ({positive / known:.1%})"


def map_labels(column: LabelColumn) -> Labels:
    """Which class each value of the label column is.

    Raises:
        InferError: what the options declare does not fit the cells.
    """
    spelt = _as_spelt(column)
    column = _but_for_blanks(spelt)
    _check_declared(column)
    negative = column.negative or tuple(v for v in column.classes if v not in column.positive)
    if not column.negative and len(negative) > MOST_VALUES:
        raise InferError(
            f"The label column {quoted(column.name)} holds {len(column.classes):,} values; say "
            "with --negative VALUE which are the other class, or name another column."
        )
    if not negative:
        missing = f" (and {listed(column.unknown)}, read as not known)" if column.unknown else ""
        raise InferError(
            f"The label column {quoted(column.name)} holds no value but {listed(column.classes)}"
            f"{missing} in the sample; say with --negative VALUE what the other class is."
        )
    # Answers name a class by its first spelling.
    positive, negative = column.ranked(column.positive), column.ranked(negative)
    classes = {**dict.fromkeys(positive, 1), **dict.fromkeys(negative, 0)}
    codes = tuple(classes.get(cell) for cell in column.cells)
    labels = Labels(positive, negative, tuple(column.unknown), codes)
    name = quoted(column.name)
    found = [*_taken(column, spelt), *_oddities(column, labels)]
    return replace(labels, warnings=tuple(f"the label column {name} {odd}" for odd in found))


def _as_spelt(column: LabelColumn) -> LabelColumn:
    """The same with each class as the file spells it: ``--positive 1`` means its ``1.0`` too."""
    declared = dict.fromkeys(column.positive, 1) | dict.fromkeys(column.negative, 0)
    reads = Spellings(declared)
    meant = {cell: reads.of(cell) for cell in column.classes if cell not in declared}

    def spelt(values: tuple[str, ...]) -> tuple[str, ...]:
        others = [cell for cell, value in meant.items() if value in values]
        own = [each for each in values if each in column.counts or each not in meant.values()]
        return (*own, *others)

    return replace(column, positive=spelt(column.positive), negative=spelt(column.negative))


def _but_for_blanks(column: LabelColumn) -> LabelColumn:
    """The same with spellings that are a class but for blanks and capitals: ``1 `` beside ``1``."""
    truths = {folded(each): True for each in TRUE_VALUES}
    truths |= {folded(each): False for each in FALSE_VALUES}
    occurs = not {*column.positive}.isdisjoint(column.classes)
    if occurs and truths.keys() >= {*map(folded, column.classes)}:  # "True" beside "1"
        meaning: Callable[[str], object] = lambda cell: truths.get(folded(cell))  # noqa: E731
    else:
        meaning = folded
    own = [{*map(meaning, each)} for each in (column.positive, column.negative)]
    sure = own[0] ^ own[1]
    others = [cell for cell in column.classes if cell not in column.declared]
    others = [cell for cell in others if meaning(cell) in sure]
    ones, zeros = ([cell for cell in others if meaning(cell) in each] for each in own)
    return replace(column, positive=(*column.positive, *ones), negative=(*column.negative, *zeros))


def _taken(column: LabelColumn, spelt: LabelColumn) -> Iterator[str]:
    """Which spellings were taken for a class, in words that follow the column's name."""
    added = [v for v in (*column.positive, *column.negative) if v not in spelt.declared]
    if added:
        rows = sum(map(column.counts.__getitem__, added))
        said = ", ".join(
            f"{readable(v)} as {'positive' if v in column.positive else 'negative'}"
            for v in added[:SHOWN]
        )
        more = f" and {len(added) - SHOWN} others" if len(added) > SHOWN else ""
        yield (
            f"holds in {rows:,} rows what is a class but for blanks, capitals or the words for "
            f"true and false: taken are {said}{more}. If one is the other class, name "
            "all of that with --negative."
        )


def _check_declared(column: LabelColumn) -> None:
    declared = Counter((*column.positive, *column.negative))
    if "" in declared:
        raise InferError("The empty cell cannot be a class: it is a label that is not known yet.")
    twice = [value for value, count in declared.items() if count > 1]
    if twice:
        raise InferError(
            f"--positive and --negative name {listed(twice)} twice; each value is of one class."
        )
    if not set(column.positive) & set(column.classes):
        raise InferError(
            f"--positive {listed(column.positive)} never occurs in the label column "
            f"{quoted(column.name)} of the sample. Its values are "
            f"{listed(column.classes) or 'all missing'}. "
            "(init looks at more rows with --sample ROWS, try with --first SHARE.)"
        )


def _oddities(column: LabelColumn, labels: Labels) -> Iterator[str]:
    """What a person should look at, in words that follow the column's name."""
    yield from unknown_labels(column, column.unknown)
    unseen = [value for value in column.declared if value not in column.counts]
    if unseen:
        yield f"never holds {listed(unseen)} in the sample."
    if 0 not in labels.codes:
        yield "holds only one class in the sample; a model needs both."
    values = f"holds {len(column.classes):,} values"
    if not column.negative and len(labels.negative) > 1:
        yield (
            f"{values}; all but {listed(column.positive)} count as negative: "
            f"{listed(labels.negative)}. Other values will be refused; --negative VALUE says which "
            "are meant."
        )
    if len(column.classes) > MANY_VALUES:
        yield f"{values}; is it the label?"
    others = [value for value in column.classes if value not in labels.positive + labels.negative]
    if others:
        rows = sum(column.counts[value] for value in others)
        yield (
            f"holds {listed(others)} besides the values given; such rows ({rows:,} in the sample) "
            "will be refused."
        )


def roles_of(sample: Sample, declared: Declared) -> dict[str, str]:
    """The role of each column that an option names.

    Raises:
        InferError: there is no such column, or two options give it different roles.
    """
    roles: dict[str, str] = {}
    for given, role in declared.roles:
        for name in _meant(sample, given, role):
            if roles.setdefault(name, role) != role:
                raise InferError(
                    f"{_option(roles[name])} and {_option(role)} both name the column "
                    f"{quoted(name)}; it can have one role."
                )
    return roles


def _meant(sample: Sample, given: str, role: str) -> list[str]:
    """The columns that an option names: one, or with an empty name those without a name."""
    if given in sample.columns:
        return [given]
    unnamed = [] if given else list(filter(UNNAMED.fullmatch, sample.columns))
    if len(unnamed) > 1 and role != "drop":
        raise InferError(
            f"{_option(role)} '' may mean {listed(unnamed)}, as columns without a name are called "
            f"by their place from 0: say which, as in {_option(role)} {quoted(unnamed[0])}."
        )
    if not unnamed:
        raise InferError(no_column(sample, _option(role), given))
    return unnamed


def no_column(sample: Sample, option: str, name: str) -> str:
    """That an option names a column which is not there, and which ones are."""
    close = difflib.get_close_matches(name, list(sample.columns), n=1)
    hint = f"; did you mean {quoted(close[0])}?" if close else "."
    said = (
        f"{option} names the column {quoted(name)}, which {sample.source} does not have{hint} It "
        f"has {', '.join(map(readable, sample.columns))}. {sample.misread}"
    )
    return said.rstrip()


def moments(column: ColumnSample, sample: Sample, pattern: str = "") -> tuple[datetime | None, ...]:
    """When each row's event was, from the column that --time names, of this format.

    Raises:
        CsvFileError: a cell is no time; names it and its line.
    """
    known: dict[str, datetime | None] = dict.fromkeys(column.missing)
    for cell in column.distinct:
        try:
            milliseconds = TimeReading(format=pattern).time_ms(cell)
            known[cell] = datetime.fromtimestamp(milliseconds / 1000, UTC)
        except RefusedCellError as refused:
            raise CsvFileError(
                f"{sample.source}, line {column.line_of(cell)}: {readable(cell)} in the time "
                f"column {quoted(column.name)} {times_instead(column, sample, pattern, refused)}"
            ) from None
    return tuple(known[cell] for cell in column.cells)


def check_weights(column: ColumnSample, sample: Sample) -> None:
    """Demand numbers of the column that --weight names.

    Raises:
        InferError: a cell is none; names it and its line.
    """
    if not column.odd:
        return
    cell, otherwise = column.odd[0], list(filter(is_number_otherwise, column.odd))
    advice = ""
    if otherwise:
        notation = notation_in(otherwise, column.values)
        then = command_with_others(sample, column.name, notation.rule)
        advice = f" {notation.advice(otherwise[0])}.{then}"
    raise InferError(
        f"--weight names the column {quoted(column.name)}, which holds {readable(cell)} in line "
        f"{column.line_of(cell)}: a weight is a number.{advice}"
    )


def declared_decision(
    column: ColumnSample, role: str, labels: Labels, surroundings: Surroundings
) -> Decision:
    """The decision about a column that an option names.

    Raises:
        InferError: the column cannot have it.
    """
    if role == "label":
        spelt = "; these spellings mean unknown" if labels.missing else ""
        settings = {"missing_values": labels.missing} if labels.missing else {}
        return Decision(column.name, {"role": role, **settings}, f"set by --label{spelt}")
    if role == "id":
        return id_decision(column)
    if role == "time":
        return _time(column, surroundings)
    if role == "weight":
        return _weight(column)
    said = ": when the label was known" if role == "leak" else ""
    return Decision(column.name, {"role": role}, f"set by {_option(role)}{said}")


def _option(role: str) -> str:
    """The option that gives a column its role."""
    return "--label-time" if role == "leak" else f"--{role}"


def _time(column: ColumnSample, surroundings: Surroundings) -> Decision:
    pattern = surroundings.time_format
    settings: dict[str, Any] = {"role": "time"} | ({"format": pattern} if pattern else {})
    times = [moment for moment in surroundings.happened if moment is not None]
    if not times:
        return Decision(column.name, settings, "set by --time; always empty")
    warnings = (
        *no_times(column),
        *_clock_changes(column, surroundings),
        *warned(column.name, column.distinct, pattern),
    )
    because = f"set by --time, {spanned(times)}{example(column.distinct, pattern)}"
    parts, why = parts_of(column.name, times, surroundings)
    if not parts:
        because = f"{because}; no part of it recurs here"
        return Decision(column.name, settings, because, (), warnings)
    because += f"; recurring parts become features ({why}), {ZONE_SAID}"
    unlearned = Alternative(dict(settings), "to learn nothing from it")
    settings |= {"parts": parts, "zone": DEFAULT_ZONE}
    return Decision(column.name, settings, because, (unlearned,), warnings)


def _clock_changes(column: ColumnSample, surroundings: Surroundings) -> Iterator[str]:
    """What the first row is that a change of the clocks makes seem earlier than the row before."""
    found = zip(surroundings.happened, column.cells, column.lines, strict=True)
    reading = TimeReading(format=surroundings.time_format)
    rows = [(at, cell, line) for at, cell, line in found if at is not None]
    back = [(above, row) for above, row in pairwise(rows) if row[0] < above[0]]
    for (_, above, _), (_, cell, line) in back[:MOST_EXPLAINED]:
        if said := step_back(above, cell, column.name, reading, "earlier"):
            yield (
                f"the time column {quoted(column.name)} goes back from {readable(above)} to "
                f"{readable(cell)} in line {line}. {said}"
            )
            return


def _weight(column: ColumnSample) -> Decision:
    name = quoted(column.name)
    settings: dict[str, Any] = {"role": "weight"}
    because = "set by --weight; without a number a row counts 1"
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
        warnings += marks_warned(column)
    return Decision(column.name, settings, because, (), tuple(warnings))
