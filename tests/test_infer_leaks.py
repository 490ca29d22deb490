"""Columns that tell the classes apart too well: what is suspected, and what chance explains."""

from __future__ import annotations

import random
import re

import pytest
from sklearn.metrics import roc_auc_score

from converters.leaks import by_rank, by_rate
from tests.tables import NOISE, Cell, inferred, warnings


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
    assert "alone tells the classes apart (AUC 1.00; of 3 random columns" in decision.because
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
    lambda i: f"N{i % 3}-{i % 40}",
]


@pytest.mark.parametrize("make", LEAKS, ids=["category", "boolean", "absence", "many values"])
def test_other_leaks_are_told(make: Cell) -> None:
    """Categories, truth values, being missing, and many values can all be leaks."""
    assert "looks like a leak" in warnings(make)


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
    known = [int(y) for y in labels]
    best = max(
        by_rank([float(str(make(i))) for i in range(24)], known).seen or 0
        for make in columns.values()
    )
    inference = inferred({"y": labels.__getitem__, **columns}, rows=24)
    assert best > 0.85
    assert not any("leak" in warning for warning in inference.warnings)


def test_where_all_are_suspects_they_are_learned_from() -> None:
    """If nothing else is left to learn from, suspects are features, with one loud warning."""
    inference = inferred({"a": late, "b": lambda i: late(i) + NOISE[i] / 2, "c": lambda _: "x"})
    kinds = [d.settings.get("kind") for d in inference.decisions]
    assert kinds == [None, "boolean", "numeric", None]
    assert re.search('"a", "b" look like leaks.*features all the same', inference.warnings[0])
    assert [d.otherwise[0].settings for d in inference.decisions[1:3]] == [{"role": "leak"}] * 2
    assert len(inference.warnings) == 2


def test_area_equals_scikit_learns() -> None:
    """The AUC is that of scikit-learn, ties and all, and as if high values meant positive."""
    dice = random.Random(1)
    for digits in (0, 1, 3):
        labels = [dice.randrange(2) for _ in range(200)]
        scores = [round(dice.random() * 5 - label, digits) for label in labels]
        expected = roc_auc_score(labels, scores)
        assert by_rank(scores, labels).seen == pytest.approx(max(expected, 1 - expected))
        rates = {
            s: sum(y for x, y in zip(scores, labels, strict=True) if x == s) / scores.count(s)
            for s in scores
        }
        by_rates = roc_auc_score(labels, [rates[s] for s in scores])
        assert by_rate(scores, labels).seen == pytest.approx(by_rates)


def test_few_of_a_class_tell_nothing() -> None:
    """With fewer than ten rows of a class there is no AUC, and no suspect."""
    assert by_rank([0.0, 1.0] * 9, [0, 1] * 9).seen is None
    assert by_rank([0.0, 1.0] * 10, [0, 1] * 10).seen == 1.0
    assert not by_rank([0.0, 1.0] * 9, [0, 1] * 9).is_suspect(1)


def test_a_value_a_row_is_chance() -> None:
    """Values that hardly repeat tell the sample's classes apart by chance; that is taken away."""
    values = [int(x * 300) for x in NOISE[:400]]
    labels = [int(late(i)) for i in range(400)]
    found = by_rate(values, labels)
    assert (found.seen or 0) > 0.85
    assert (found.corrected or 1) < 0.65
    assert found.chance(1) > 0.85
