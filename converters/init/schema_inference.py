"""A sample of a CSV file and what the options declare about it -> what each column shall be.

Columns that an option names are decided by :mod:`.declared`, all others by :mod:`.column_guess`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from converters.config.toml_text import quoted
from converters.files.rewriting import Original
from converters.init.column_decision import Alternative, Decision, Surroundings
from converters.init.column_guess import decide
from converters.init.declared import (
    Declared,
    InferError,
    Labels,
    check_weights,
    declared_decision,
    listed,
    map_labels,
    moments,
    roles_of,
)
from converters.init.locale_formats import command_said
from converters.sampling.column_sample import ColumnSample, LabelColumn
from converters.sampling.file_sample import Sample
from converters.sampling.leak_suspects import Judge
from converters.sampling.reservoir import UNLABELLED
from converters.sampling.time_formats import time_format
from converters.show.tables import counted

# How many columns an error explains.
EXPLAINED = 20


@dataclass(frozen=True)
class Inference:
    """What the config file shall say of the data.

    Attributes:
        decisions: one a column, in the file's order.
        labels: the label map.
        warnings: what the person should look at.
        order: the rows of the sample in order of time, if --time names a column.
    """

    decisions: tuple[Decision, ...]
    labels: Labels
    warnings: tuple[str, ...]
    order: tuple[int, ...]


def infer(sample: Sample, declared: Declared) -> Inference:
    """Decide every column.

    Raises:
        InferError: a column or label value that an option names is not in the sample, or nothing is
            left to learn from.
        CsvFileError: a cell of the time column is no time.
    """
    roles = roles_of(sample, declared)
    label = next(name for name, role in roles.items() if role == "label")
    cells = sample.columns[label]
    column = LabelColumn(
        label,
        cells,
        sample.lines,
        positive=declared.positive,
        negative=declared.negative,
    )
    labels = map_labels(column)
    every = [ColumnSample(name, cells, sample.lines) for name, cells in sample.columns.items()]
    surroundings = _surroundings(sample, every, roles, declared)
    judge = _judge(sample, labels)
    decisions = []
    for facts in every:
        if facts.name in roles:
            decisions.append(declared_decision(facts, roles[facts.name], labels, surroundings))
        else:
            decisions.append(_demanded(decide(facts, surroundings, judge), facts, declared))
    _check_mandatory(decisions, declared)
    warnings = [*_unreadable(sample), *labels.warnings]
    rules = {d.name: d.rule for d in decisions if d.rule is not None}
    command = command_said(rules, surroundings.names, Original.of(sample.source, sample.csv))
    learned, said = _something_learned(decisions, sample, command)
    warnings += [*said, *(warning for d in learned for warning in d.warnings)]
    warnings += [command] if command else []
    return Inference(tuple(learned), labels, tuple(warnings), tuple(surroundings.order))


def _judge(sample: Sample, labels: Labels) -> Judge:
    """The judge of columns, by the rows that ``check`` judges by."""
    codes = [UNLABELLED if code is None else code for code in labels.codes]
    lots = [sample.judged.get(line, 0) for line in sample.lines]
    mask = [line in sample.judged for line in sample.lines]
    return Judge(
        np.array(codes, np.int8),
        np.array(lots, np.uint64),
        len(sample.columns),
        np.array(mask, np.bool_),
    )


def _surroundings(
    sample: Sample, every: Sequence[ColumnSample], roles: Mapping[str, str], declared: Declared
) -> Surroundings:
    happened: tuple[datetime | None, ...] = ()
    pattern = ""
    spellings: set[str] = set()
    for column in every:
        if roles.get(column.name) == "time":
            pattern = declared.time_format or time_format(column.distinct)
            happened = moments(column, sample, pattern)
        if roles.get(column.name) == "weight":
            check_weights(column, sample)
        if column.name not in roles:
            spellings |= column.markers
    return Surroundings(
        tuple(sample.columns),
        sample.rows,
        roles,
        frozenset(spellings),
        happened,
        pattern,
    )


ALL = "all"


def _demanded(decision: Decision, column: ColumnSample, declared: Declared) -> Decision:
    """Whether a feature is in each row, and what --mandatory makes of that."""
    if "kind" not in decision.settings:
        return decision
    missing = {"", *decision.settings.get("missing_values", ())}
    absent = sum(column.counts[cell] for cell in missing)
    decision = replace(decision, never_missing=not absent)
    named = decision.name in declared.mandatory
    if not named and (absent or ALL not in declared.mandatory):
        return decision
    said = (
        f"column {quoted(decision.name)} is missing in {absent:,} of {len(column.cells):,} rows, "
        "which are refused, as --mandatory says."
    )
    return replace(
        decision,
        settings={**decision.settings, "missing": "reject"},
        because=f"{decision.because}; a row without it is refused (--mandatory)",
        otherwise=(Alternative(decision.settings, "to take such rows"), *decision.otherwise),
        warnings=(*decision.warnings, said) if absent else decision.warnings,
    )


def _check_mandatory(decisions: Sequence[Decision], declared: Declared) -> None:
    features = [decision.name for decision in decisions if "kind" in decision.settings]
    for name in declared.mandatory:
        if name not in features and name != ALL:
            said = f"--mandatory {quoted(name)} names no feature; these are {listed(features)}."
            raise InferError(said)


def _something_learned(
    decisions: Sequence[Decision], sample: Sample, command: str
) -> tuple[Sequence[Decision], list[str]]:
    """The decisions, or, if they leave hardly a cell to learn from, suspects taken for features."""
    learned = [d for d in decisions if d.is_learned]
    for decision in learned:
        cells = sample.columns[decision.name]
        missing = {"", *decision.settings.get("missing_values", ())}
        if 2 * sum(cell in missing for cell in cells) <= len(cells):
            return decisions, []
    suspects = [d.name for d in decisions if d.settings.get("role") == "leak"]
    if suspects:
        restored = [_restored(d) if d.name in suspects else d for d in decisions]
        said = (
            f"{listed(suspects)} look like leaks: each by itself predicts the label. Since "
            "hardly anything else could be learned from, they are features all the same. If one is "
            'known only when the label is, write role = "leak" for it.'
        )
        return restored, [said]
    if learned:
        return decisions, []
    why = "; ".join(f"{quoted(d.name)}: {d.because}" for d in decisions[:EXPLAINED])
    more = f"; and {len(decisions) - EXPLAINED:,} more" if len(decisions) > EXPLAINED else ""
    said = f"{sample.source} leaves no column to learn from ({why}{more}). {command}"
    raise InferError(said.rstrip())


def _restored(suspect: Decision) -> Decision:
    """A suspected leak learned from, where all that could be are suspects."""
    first, *others = suspect.otherwise
    leak = Alternative({"role": "leak"}, "if it is known only when the label is")
    return replace(
        suspect,
        settings=first.settings,
        because=f"{suspect.because}; a feature all the same, since hardly anything else is one",
        otherwise=(leak, *others),
        warnings=suspect.warnings[:-1],
    )


def _unreadable(sample: Sample) -> Iterator[str]:
    for fault, lines in sample.unreadable.items():
        many = len(lines) > 1
        rows = counted(len(lines), "row", "rows")
        where = f"the first in line {lines[0]}" if many else f"in line {lines[0]}"
        were = "were left out" if many else "was left out"
        yield f"{rows} of the sample {were}, {where}: {fault}."
