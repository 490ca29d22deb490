"""Columns that tell the classes apart too well: what is suspected, and what chance explains."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

from converters.init.column_decision import Decision
from converters.sampling.leak_suspects import rank_auc
from tests.support.rows.tables import NOISE, Cell, inferred, warnings


def late(i: int) -> bool:
    """The label of the tables."""
    return i % 3 == 0


@pytest.mark.parametrize("sign", [1, -1])
def test_numeric_leak_is_not_learned_from(sign: int) -> None:
    """A number that alone tells the classes apart gets the role leak, whichever way it points."""
    make: Cell = lambda i: sign * late(i) + NOISE[i] / 2  # noqa: E731
    inference = inferred({"a": make, "z": lambda i: NOISE[-i]})
    decision = next(d for d in inference.decisions if d.name == "a")
    assert decision.settings == {"role": "leak"}
    assert "too well by its size (AUC 1.000 over 400 rows; columns of chance" in decision.because
    assert 'column "a" looks like a leak' in "".join(inference.warnings)
    instead = decision.otherwise[0]
    assert (instead.settings["kind"], instead.when) == (
        "numeric",
        "if it IS known when the event comes",
    )


LEAKS: list[Cell] = [
    lambda i: ["late", "early", "in time"][i % 3],
    lambda i: "yes" if late(i) else "no",
    lambda i: "" if late(i) else NOISE[i],
]
SUSPECTS: list[Cell] = [
    lambda i: f"N{i % 3}-{i % 40}",
    lambda i: NOISE[i] / 9 + [0.5, 0.2, 0.8][i % 3],
]


@pytest.mark.parametrize("make", LEAKS, ids=["category", "boolean", "absence"])
def test_other_leaks_are_told(make: Cell) -> None:
    """Categories, truth values and being missing can be as good as the label."""
    assert "looks like a leak" in warnings(make)


def decision_on(make: Cell, name: str = "a") -> Decision:
    """What is decided of a column beside a number that tells nothing."""
    decisions = inferred({name: make, "z": lambda i: NOISE[-i]}).decisions
    return next(decision for decision in decisions if decision.name == name)


@pytest.mark.parametrize("make", SUSPECTS, ids=["many values", "a span of numbers"])
def test_a_suspect_is_learned_from(make: Cell) -> None:
    """What is nearly as good may be a good column: it is told, with the line against it."""
    decision = decision_on(make)
    assert decision.is_suspect
    assert "kind" in decision.settings
    assert decision.otherwise[0].settings == {"role": "leak"}
    assert "It is learned from." in warnings(make)


@pytest.mark.parametrize("make", SUSPECTS, ids=["many values", "a span of numbers"])
@pytest.mark.parametrize("name", ["final_score", "dateSettled", "delay"])
def test_a_suspect_whose_name_says_so_is_a_leak(make: Cell, name: str) -> None:
    """A name of what is known only afterwards makes a suspect a leak; alone it means nothing."""
    assert decision_on(make, name).settings == {"role": "leak"}
    assert "kind" in decision_on(lambda i: NOISE[i], name).settings


HONEST: list[Cell] = [
    lambda i: NOISE[i],
    lambda i: "ABCD"[i % 4],
    lambda i: f"N{int(NOISE[i] * 200)}",
    lambda i: NOISE[i] + late(i) / 3,
]


@pytest.mark.parametrize("make", HONEST, ids=["noise", "few values", "many values", "a good one"])
def test_honest_columns_are_no_leaks(make: Cell) -> None:
    """Columns that say nothing, even with many values, or just a good deal, are not suspected."""
    assert warnings(make) == ""


def test_leak_that_was_dropped_is_not_told() -> None:
    """What ``--drop`` names needs no warning."""
    assert warnings(lambda i: late(i) + NOISE[i] / 2, drop=("a",)) == ""


def test_small_sample_with_many_columns_does_not_cry_wolf() -> None:
    """Among 400 random columns of 24 rows some reach an AUC of .85; none of them is suspected."""
    dice = random.Random(5)
    labels = "10" * 12
    columns: dict[str, Cell] = {
        f"c{k}": [dice.random() for _ in labels].__getitem__ for k in range(400)
    }
    positive = np.array([y == "1" for y in labels])
    areas = [
        rank_auc(np.array([float(str(make(i))) for i in range(24)]), positive)
        for make in columns.values()
    ]
    inference = inferred({"y": labels.__getitem__, **columns}, rows=24)
    assert max(areas) > 0.85
    assert not any("leak" in warning for warning in inference.warnings)


def test_where_all_are_suspects_they_are_learned_from() -> None:
    """If hardly a cell else is left to learn from, suspects are features, with one loud warning."""
    columns: dict[str, Cell] = {
        "a": late,
        "b": lambda i: late(i) + NOISE[i] / 2,
        "c": lambda _: "x",
        "d": lambda i: NOISE[i] if i % 9 == 0 else "",
    }
    inference = inferred(columns)
    kinds = [d.settings.get("kind") for d in inference.decisions]
    assert kinds == [None, "boolean", "numeric", None, "numeric"]
    assert re.search('"a", "b" look like leaks.*features all the same', inference.warnings[0])
    assert [d.otherwise[0].settings for d in inference.decisions[1:3]] == [{"role": "leak"}] * 2
    assert len(inference.warnings) == 3
