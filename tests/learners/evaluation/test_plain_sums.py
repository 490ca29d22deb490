"""The sums of whole blocks are those of one example after the other, to the last unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners.evaluation.evaluator import Evaluator
from learners.evaluation.example_costs import UNIT
from learners.evaluation.histograms import COARSE_BINS, coarse_bins, log_odds_bins
from learners.evaluation.labelled_examples import Lessons, Measuring
from learners.metrics.arrays import AnyArray
from tests.support.learning.measured_lessons import HOUR, chosen, corrected, lessons, measured
from tests.support.learning.plain_sums import PlainSums

MEASURING = Measuring(half_life=500.0, period_ms=HOUR, threshold=0.3, slices=("a", "b"))
EDGES = [0.0, -0.0, 1.0, 0.5, np.nextafter(0.5, 0), np.nextafter(0.5, 1), 1e-7, 1 - 1e-7, 1e-9]
EDGES += [1 - 1e-9, 5e-324, float(np.nextafter(1, 0)), 0.3, float(np.nextafter(0.3, 0))]


def rows_of(state: Mapping[str, AnyArray], name: str, grouping: str) -> list[dict[str, Any]]:
    """The groups of a state that hold examples, or held some."""
    start = f"by.{name}.{grouping}."
    whole, parts = state[f"{start}group_whole"].tolist(), state[f"{start}group_parts"].tolist()
    decisions = state[f"{start}group_decisions"].tolist()
    labels = labels_of(state, start, len(whole))
    return [
        {
            "labels": tuple(labels[row].tolist()),
            "decisions": decisions[row],
            "costs": [w * UNIT + p for w, p in zip(whole[row], parts[row], strict=True)],
        }
        for row in range(len(whole))
    ]


def labels_of(state: Mapping[str, AnyArray], start: str, size: int) -> AnyArray:
    """Negatives and positives of each row, by its histogram; of everything, by the bars."""
    if f"{start}group_bins" not in state:
        name = start.split(".")[1]
        both: AnyArray = state[f"by.{name}.bars"].sum(axis=1)
        return both.reshape(1, 2)
    found = np.zeros((size, 2), dtype=np.int64)
    rows = state[f"{start}group_bins"] // COARSE_BINS
    np.add.at(found, rows, state[f"{start}group_counts"].astype(np.int64))
    return found


def assert_plain(evaluator: Evaluator, plain: PlainSums) -> None:
    """Every sum of every group; rows without an example of a contender hold nothing."""
    state = evaluator.state()
    for name in evaluator.contenders:
        whole, part = state[f"by.{name}.served"].tolist()
        assert whole * UNIT + part == plain.served[name]
        groupings = (
            "all",
            "periods",
            *["ages", "by_lessons", "slice@0", "slice@1"][: 4 * (name == "score")],
        )
        for grouping in groupings:
            found = [row for row in rows_of(state, name, grouping) if any(row["labels"])]
            expected = [row for row in plain.rows(name, grouping) if any(row["labels"])]
            assert found == expected, (name, grouping)
            assert_bins(state, plain, name, grouping)


def assert_bins(state: Mapping[str, AnyArray], plain: PlainSums, name: str, grouping: str) -> None:
    """Each coarse bin of a group has counts, and knows of one score whether it is the only one."""
    if grouping == "all":
        return
    expected: dict[int, set[float]] = {}
    keys = plain.groups("score", grouping)
    for row, group in enumerate(
        keys if grouping in {"periods", "by_lessons"} else range(max(keys) + 1)
    ):
        for _, score in plain.counts[name, grouping, group]:
            at = int(coarse_bins(log_odds_bins(np.array([score + 0.0])))[0])
            expected.setdefault(row * COARSE_BINS + at, set()).add(score + 0.0)
    start = f"by.{name}.{grouping}.group_"
    assert state[f"{start}bins"].tolist() == sorted(expected)
    alone = np.unpackbits(state[f"{start}alone"], count=len(expected)).tolist()
    assert alone == [len(expected[key]) == 1 for key in sorted(expected)]
    only = [min(expected[key]) for key in sorted(expected) if len(expected[key]) == 1]
    assert state[f"{start}scores"].tolist() == only


def some(count: int, seed: int, *, edges: bool) -> Lessons:
    """Lessons of a score and a shadow that fails now and then."""
    made = lessons(count, seed, "shadow", slices=2)
    random = np.random.default_rng(seed)
    if edges:
        for name in made.scores:
            made.scores[name][:] = random.choice(EDGES, count)
    made.scores["shadow"][random.random(count) < 0.3] = np.nan
    if seed % 2:  # all in one group of each kind
        made = replace(made, arrived=made.known.copy() * 0, known=made.known * 0)
    return made


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**30), st.booleans(), st.sampled_from([7, 50, 8192]))
def test_sums_are_the_plain_ones(seed: int, edges: bool, block: int) -> None:
    """Counts, decisions and costs of each group, with scores at every edge and labels corrected."""
    made = some(150, seed, edges=edges)
    wrong = np.random.default_rng(seed).choice(100, 9, replace=False)
    plain = PlainSums(MEASURING)
    plain.take(made)
    with patch("learners.evaluation.evaluator.BLOCK", block):
        evaluator = measured(MEASURING, made.part(slice(100)), made.part(slice(100, None)))
        assert_plain(evaluator, plain)
        right = chosen(corrected(made, wrong), wrong)
        evaluator.correct(wrong, right)
        plain.take(chosen(made, wrong), -1)
        plain.take(right)
        assert_plain(evaluator, plain)


@pytest.mark.parametrize("block", [100, 6_000])
def test_a_contender_fades_while_it_scores_nothing(block: int) -> None:
    """Chunks in which a shadow failed count as much, however the lessons came."""
    made = lessons(20_000, 3, "shadow")
    made.scores["shadow"][700:18_000] = np.nan
    with patch("learners.evaluation.evaluator.BLOCK", block):
        found = measured(Measuring(half_life=5_000.0), made).summary()["contenders"]["shadow"]
    scored = ~np.isnan(made.scores["shadow"])
    weights = 0.5 ** (np.arange(len(made))[::-1][scored] / 5_000.0)
    gaps = made.scores["shadow"][scored] - made.positive[scored]
    assert found["faded"]["brier"] == pytest.approx(np.average(gaps**2, weights=weights), abs=1e-7)
