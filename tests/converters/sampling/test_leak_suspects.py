"""Which columns ``freshet check`` suspects of a leak: those too good to be true, and no others."""

from __future__ import annotations

import random

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from converters.sampling.leak_suspects import Alone, Judge, crossed_auc, rank_auc, spans
from tests.support.rows.check_files import checked, codes, column
from tests.support.rows.schemas import Columns

DICE = random.Random(9)

COLUMNS: Columns = {
    "id": {"role": "id"},
    "late": {"role": "label"},
    "honest": {"kind": "numeric"},
    "leaky": {"kind": "numeric"},
    "around": {"kind": "numeric"},
    "status": {"kind": "categorical"},
    "carrier": {"kind": "categorical"},
    "closed": {"kind": "categorical", "missing": "indicator"},
    "unique": {"kind": "categorical"},
    "known_leak": {"role": "leak"},
    "sex": {"role": "protected"},
}


def row(number: int, late: int) -> list[object]:
    """A row whose honest columns tell a little, and whose leaks tell all."""
    return [
        f"k{number}",
        late,
        DICE.gauss(late, 2),
        DICE.gauss(late, 0.2),
        DICE.choice((-1, 1)) * DICE.gauss(1 + 4 * late, 0.5),
        DICE.choice(("paid", "open")) if late else DICE.choice(("fine", "new", "early")),
        DICE.choice("ABCDE") if DICE.random() < 0.7 else "AB"[late],
        f"2013-01-0{number % 9 + 1}" if late else "",
        f"u{number}",
        late,
        late,
    ]


REPORT = checked(COLUMNS, [row(number, int(number % 4 == 0)) for number in range(4000)])


def suspects() -> dict[str, str]:
    """The suspects of the report, and what gives them away."""
    found = {f.column for f in REPORT.findings if f.code == "leak-suspect"}
    return {name: alone(name).by for name in sorted(found)}


def alone(name: str) -> Alone:
    """How well a column of the report tells the classes apart."""
    found = column(REPORT, name).alone
    assert found is not None
    return found


def test_leaks_are_caught_and_honest_columns_are_not() -> None:
    """A leak is caught by its size, its value, or its being missing.

    It is a problem where it is as good as the label, else a warning.
    """
    assert suspects() == {
        "around": "value",
        "closed": "missing",
        "leaky": "number",
        "status": "value",
    }
    sure = {f"leak-suspect:{name}" for name in suspects() if name != "around"}
    assert sure <= codes(REPORT, "problem")
    assert alone("around").auc < 0.998
    assert "leak-suspect:around" in codes(REPORT, "warning")


def test_roles_that_are_not_learned_are_no_suspects() -> None:
    """What the config keeps from the learner may tell all; it is still measured."""
    assert alone("known_leak").auc > 0.99
    assert alone("sex").auc > 0.99
    assert column(REPORT, "id").alone is None


def test_a_column_of_unique_values_tells_nothing() -> None:
    """Values that never come again are no better than chance, though each has one label."""
    assert abs(alone("unique").auc - 0.5) < 0.05


def test_honest_columns_beat_chance_and_are_no_leaks() -> None:
    """What tells a little lies above the control and under the limit."""
    for name in ("honest", "carrier"):
        assert alone(name).control < alone(name).auc < 0.75


def test_numbers_are_ranked_as_scikit_learn_ranks() -> None:
    """The area of numbers with ties is scikit-learn's."""
    draw = np.random.default_rng(1)
    positive = draw.random(500) < 0.3
    scores = np.round(draw.normal(positive, 1.5), 1)
    assert rank_auc(scores, positive) == pytest.approx(roc_auc_score(positive, scores), abs=1e-12)


def test_values_are_judged_on_the_other_half() -> None:
    """The area of values is scikit-learn's for rates learned from the other fold."""
    draw = np.random.default_rng(2)
    positive, folds = draw.random(900) < 0.4, draw.random(900) < 0.5
    values = draw.integers(0, 30, 900)
    areas, pairs = [], []
    for learned, judged in ((folds, ~folds), (~folds, folds)):
        base = positive[learned].mean()
        rates = {
            value: (positive[learned & (values == value)].sum() + base)
            / ((learned & (values == value)).sum() + 1)
            for value in range(30)
        }
        scores = [rates[value] for value in values[judged]]
        areas.append(roc_auc_score(positive[judged], scores))
        pairs.append(positive[judged].sum() * (~positive[judged]).sum())
    expected = np.average(areas, weights=pairs)
    assert crossed_auc(values, positive, folds) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("kind", ["two values", "many values", "unique", "numbers", "gaps"])
def test_shuffled_labels_stay_under_the_control(kind: str) -> None:
    """The same values against shuffled labels: 1 or 2 of 100 get over the control."""
    draw, rows = np.random.default_rng(4), 400
    values = {
        "two values": draw.integers(0, 2, rows),
        "many values": draw.integers(0, 90, rows),
        "unique": np.arange(rows),
        "numbers": draw.integers(0, 90, rows),
        "gaps": draw.integers(0, 2, rows),
    }[kind]
    missing = values == 0 if kind == "gaps" else np.zeros(rows, np.bool_)
    numbers = draw.normal(size=rows) if kind == "numbers" else None
    labels = (np.arange(rows) < 100).astype(np.int8)
    over = 0
    for _ in range(300):
        lots = draw.integers(0, 2**63, len(labels), np.uint64)
        judged = Judge(draw.permutation(labels), lots, 1).alone(values, missing, numbers)
        assert judged is not None
        over += judged.auc > judged.control
    assert over <= 12


def test_small_files_cry_no_wolf() -> None:
    """Among 160 random columns of 60 rows none is a suspect."""
    columns: Columns = {"late": {"role": "label"}}
    columns |= {f"n{i}": {"kind": "numeric"} for i in range(80)}
    columns |= {f"c{i}": {"kind": "categorical"} for i in range(80)}
    rows = [
        [
            number % 2,
            *(DICE.random() for _ in range(80)),
            *(DICE.choice("abc") for _ in range(80)),
        ]
        for number in range(60)
    ]
    assert not any(code.startswith("leak") for code in codes(checked(columns, rows)))


def test_times_after_the_event_are_a_leak() -> None:
    """A feature that is always later than the event is a suspect; one that is so mostly is none."""
    columns: Columns = {
        "after": {"kind": "time", "zone": "UTC"},
        "mostly": {"kind": "time", "zone": "UTC"},
        "same": {"kind": "time", "zone": "Asia/Tokyo"},
        "kept": {"role": "leak"},
        "at": {"role": "time"},
        "late": {"role": "label"},
    }
    rows: list[list[object]] = [
        [
            "" if day == 3 else f"2013-01-{day + 1:02}",
            f"2013-01-{day + (day > 1):02}",
            f"2013-01-{day:02}T09:00",  # midnight in UTC
            f"2013-02-{day:02}",
            f"2013-01-{day:02}",
            day % 2,
        ]
        for day in range(1, 25)
    ]
    found = checked(columns, rows)
    assert {f.column for f in found.findings if f.code == "leak-suspect"} == {"after"}
    assert "leak-suspect:after" in codes(found, "warning")
    assert [each.name for each in found.columns if each.after_event] == ["after"]
    few = checked(columns, rows[:20])  # 19 of them have both times
    assert not any(code.startswith("leak") for code in codes(few))


def test_too_few_labels_say_nothing() -> None:
    """With fewer than ten rows of a class no column is judged."""
    found = checked(COLUMNS, [row(number, int(number < 9)) for number in range(500)])
    assert {each.alone for each in found.columns} == {None}


def test_spans_hold_about_as_many_numbers_each() -> None:
    """Numbers fall into spans of equal weight; equal numbers into one; no number into none."""
    found = spans(np.array([*range(1000), np.nan, 5.0, 5.0]), 10)
    assert found[1000] == 0
    assert found[1001] == found[1002] == found[5]
    assert np.bincount(found)[1:].min() >= 98
