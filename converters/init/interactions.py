"""Pairs of features to cross, by the log loss that they save on unseen rows.

A small logistic model of two columns is fitted to the first rows of the sample, once with and once
without the pairs of their values, and both are asked about the rows that follow; then the next
ones. What counts is the log loss that the pairs save there: on the rows that they were fitted to
any pairs would save some, and among rows of the same day as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from converters.cells.categories import PARTS
from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.init.schema_inference import Inference
from converters.sampling.column_sample import Codes, coded, number_or_nan
from converters.sampling.file_sample import Sample
from converters.sampling.leak_suspects import spans

Values = NDArray[np.float64]

# Compared are the columns that by themselves save most, on so many rows: each pair takes some
# hundredths of a second. Fewer rows than these cannot tell.
COMPARED = 8
MOST_ROWS = 10_000
FEWEST_ROWS = 200
FEWEST_OF_A_CLASS = 20
# Values need some rows each for their pairs to come again.
ROWS_A_VALUE = 20
# Each block but the first is asked about, by a model of those before it.
BLOCKS = 5

# Evidence for a pair: it saves so many standard errors, and so large a part of the log loss.
SURE_ERRORS = 4.0
HELPFUL_SHARE = 0.005
# A guess is proposed from so many on.
GUESS_ERRORS = 1.0
MOST_PAIRS = 3

# The prior of each weight (a standard deviation of 1 in log-odds), and enough steps to settle.
PRIOR = 1.0
STEPS = 8
LONGEST_STEP = 2.0


@dataclass(frozen=True)
class Crossing:
    """A pair of features, and the log loss on rows not yet seen without and with it.

    Attributes:
        pair: the features' names.
        apart: log loss of both columns, and of pairs taken before, without this pair.
        crossed: log loss with it.
        errors: by how many standard errors that is less.
        rows: on how many rows.
    """

    pair: tuple[str, str]
    apart: float
    crossed: float
    errors: float
    rows: int

    @property
    def is_sure(self) -> bool:
        """Whether the evidence is good enough to cross without asking."""
        saved = self.apart - self.crossed
        return saved >= HELPFUL_SHARE * self.apart and self.errors >= SURE_ERRORS

    @property
    def evidence(self) -> str:
        """What was found, in words."""
        return (
            f"{self.pair[0]} x {self.pair[1]}: log loss {self.apart:.4f} -> {self.crossed:.4f} on "
            f"{self.rows:,} rows held out ({self.errors:.1f} standard errors)"
        )


@dataclass(frozen=True)
class _Table:
    """The features' values as codes, and the labels as 0.0 or 1.0, in the order of the rows."""

    features: Mapping[str, Codes]
    truth: Values

    def compare(self, pair: tuple[str, str], before: Sequence[Crossing]) -> Crossing:
        """What a pair saves beside those taken before."""
        single = [self.features[name] for name in pair]
        base = [*single, *(self._crossed(taken.pair) for taken in before)]
        apart = _held_out(base, self.truth)
        crossed = _held_out([*base, self._crossed(pair)], self.truth)
        saved = apart - crossed
        error = float(saved.std(ddof=1)) / math.sqrt(len(saved))
        errors = float(saved.mean()) / error if error else 0.0
        return Crossing(pair, float(apart.mean()), float(crossed.mean()), errors, len(saved))

    def telling(self, most: int) -> list[str]:
        """The features that by themselves save most, in the order of the columns."""
        nothing = _held_out([np.zeros(len(self.truth), np.int64)], self.truth)
        saved = {
            name: float((nothing - _held_out([codes], self.truth)).mean())
            for name, codes in self.features.items()
        }
        best = sorted(saved, key=lambda name: -saved[name])[:most]
        return [name for name in saved if name in best]

    def _crossed(self, pair: tuple[str, str]) -> Codes:
        left, right = (self.features[name] for name in pair)
        _, codes = np.unique(left * (right.max() + 1) + right, return_inverse=True)
        return codes.astype(np.int64)


def crossings(inference: Inference, sample: Sample) -> tuple[Crossing, ...]:
    """The pairs that help for sure, each beside those before it; or else the best guesses."""
    table = _table(inference, sample)
    if table is None:
        return ()
    found = [table.compare(pair, ()) for pair in combinations(table.telling(COMPARED), 2)]
    left = sorted(found, key=lambda c: c.crossed - c.apart)
    taken: list[Crossing] = []
    while (sure := [c for c in left if c.is_sure]) and len(taken) < MOST_PAIRS:
        taken.append(sure[0])
        again = [table.compare(c.pair, taken) for c in sure[1:]]
        left = sorted(again, key=lambda c: c.crossed - c.apart)
    guesses = [c for c in left if c.errors >= GUESS_ERRORS]
    return tuple(taken or guesses[:MOST_PAIRS])


def most_telling(inference: Inference, sample: Sample, most: int) -> list[str]:
    """The features, numbers among them, that by themselves save most; none if nothing tells."""
    table = _table(inference, sample, with_numbers=True)
    return [] if table is None else table.telling(most)


def _table(inference: Inference, sample: Sample, *, with_numbers: bool = False) -> _Table | None:
    """The rows to compare on, in order of time if there is one; None if they cannot tell."""
    labels = inference.labels.codes
    known = [row for row in inference.order if labels[row] is not None]
    known = known[:: -(-len(known) // MOST_ROWS) or 1]
    truth = np.array([labels[row] for row in known], np.float64)
    rarer = min(truth.sum(), len(known) - truth.sum())
    if len(known) < FEWEST_ROWS or rarer < FEWEST_OF_A_CLASS:
        return None
    every = {}
    for decision in inference.decisions:
        cells = [sample.columns[decision.name][row] for row in known]
        if decision.settings.get("kind") in ("categorical", "boolean"):
            every[decision.name] = coded(cells)
        if with_numbers and decision.settings.get("kind") == "numeric":
            every[decision.name] = spans(np.array(list(map(number_or_nan, cells))))
        for part in decision.settings.get("parts", ()):
            reading = TimeReading(format=decision.settings.get("format", ""))
            memo = {cell: _part(cell, part, reading) for cell in set(cells)}
            every[f"{decision.name}.{part}"] = coded(map(memo.__getitem__, cells))
    features = {name: codes for name, codes in every.items() if _repeats(codes)}
    return _Table(features, truth) if len(features) > 1 else None


def _part(cell: str, part: str, reading: TimeReading) -> str:
    try:
        return PARTS[part](reading.local(cell))
    except RefusedCellError:  # missing
        return ""


def _repeats(codes: Codes) -> bool:
    return 2 <= int(codes.max()) + 1 <= len(codes) / ROWS_A_VALUE


def _held_out(columns: Sequence[Codes], truth: Values) -> Values:
    """The log loss of each row after the first block, under a model of those before its own."""
    ends = [len(truth) * block // BLOCKS for block in range(1, BLOCKS + 1)]
    losses = []
    for seen, asked in pairwise(ends):
        score = _fitted([codes[:asked] for codes in columns], truth[:seen])[seen:]
        losses.append(np.logaddexp(0, np.where(truth[seen:asked] > 0, -score, score)))
    return np.concatenate(losses)


def _fitted(columns: Sequence[Codes], truth: Values) -> Values:
    """The log-odds of every row, fitted to the first ones, whose labels are given.

    Newton steps of one column after the other, each under a normal prior: a value that those rows
    do not hold keeps the weight 0.
    """
    seen = len(truth)
    share = (float(truth.sum()) + 1) / (seen + 2)
    score = np.full(len(columns[0]), math.log(share / (1 - share)))
    weights = [np.zeros(int(codes.max()) + 1) for codes in columns]
    for _ in range(STEPS):
        for codes, weight in zip(columns, weights, strict=True):
            chance = 1 / (1 + np.exp(-score[:seen]))
            slope = np.bincount(codes[:seen], truth - chance, len(weight)) - PRIOR * weight
            bend = np.bincount(codes[:seen], chance * (1 - chance), len(weight)) + PRIOR
            step = np.clip(slope / bend, -LONGEST_STEP, LONGEST_STEP)
            np.add(weight, step, out=weight)
            score += step[codes]
    return score
