"""What is kept beside an event until its label comes: slices, amounts, and the label's age."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.snapshots.store import SnapshotStore
from stream.fold import run_report
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log.batch import EventRows, LabelRows, Taken
from stream.resolved_config import ResolvedConfig
from tests.support.streams.folds import BEGIN, EVENTS, LABELS, context, saved_and_loaded, taken
from tests.support.streams.simulation import SECOND

LATE = LateLabelSettings()


def events(ids: str, value: str, amount: str = "1", at: int = 0) -> Taken:
    """Events without labels, all with one value of the slice and one amount."""
    rows: list[Any] = [(id_, None, "| x=1") for id_ in ids]
    passthrough: list[tuple[str, ...]] = [tuple(c for c in (value, amount) if c)] * len(ids)
    return EventRows(EVENTS, 0, BEGIN + at * SECOND, rows, passthrough)


def labels(ids: str, label: int = 1, at: int = 0) -> Taken:
    """The labels of these."""
    return LabelRows(LABELS, 0, BEGIN + at * SECOND, [(id_, label) for id_ in ids])


def sliced(fold: Pipeline, column: str) -> dict[str, int]:
    """How many lessons each value of a slice has."""
    found = fold.evaluator.details(fold.scoring.slices.values)["slices"][column]
    return {str(entry["value"]): entry["count"] for entry in found}


def restarted(
    fold: Pipeline, before: ResolvedConfig, then: ResolvedConfig, folder: Path
) -> Pipeline:
    """The fold after a stop and a start under another config."""
    return saved_and_loaded(fold, before, SnapshotStore(folder), then)


def test_a_corrected_lesson_keeps_the_age_of_its_first_label() -> None:
    """What the first label had added is taken back where it was added."""
    made_for = context(LateLabelSettings(allow_corrections=True), 50)
    fold = new_pipeline(made_for, 1)
    for records in (
        [events("abcdefghij", "f")],
        [labels("abcdefghij", 1, at=10)],
        [labels("abcd", 0, at=7200), events("kl", "f", at=7200), labels("kl", 1, at=15_000)],
    ):
        for record in records:
            taken(fold, [record])
    assert fold.joiner.counts.labels_corrected == 4
    details = fold.evaluator.details(fold.scoring.slices.values)
    ages = {a["to_ms"]: (a["count"], a["positives"]) for a in details["ages"] if a["count"]}
    assert ages == {60_000: (10, 6), 14_400_000: (2, 2)}
    assert sum(delay["count"] for delay in details["delays"]) == 12
    fold.close()


def test_a_new_slice_knows_nothing_of_what_waits(tmp_path: Path) -> None:
    """Events that came before it count for no value; also where one of its name was before."""
    without, sexes = context(LATE, 5, evaluation={"slices": []}), context(LATE, 5)
    fold = new_pipeline(sexes, 1)
    taken(fold, [events("abcde", "f", amount="")])
    fold = restarted(fold, sexes, without, tmp_path / "s")
    taken(fold, [events("x", "", amount=""), labels("x")])
    fold = restarted(fold, without, sexes, tmp_path / "s")
    taken(fold, [events("n", "m", amount="", at=1), labels("abcden", at=2)])
    found = sliced(fold, "sex")
    assert found.pop("m") == 1
    assert sum(found.values()) in (0, 5)
    assert "f" not in found
    fold.close()


@pytest.mark.parametrize(("before", "then"), [(2, 5), (5, 2)])
def test_how_many_values_a_slice_tells_apart_is_settled_when_it_begins(
    before: int, then: int, tmp_path: Path
) -> None:
    """Codes keep their meaning under a config that says another number."""
    first = context(LATE, 5, evaluation={"slice_values": before})
    second = context(LATE, 5, evaluation={"slice_values": then})
    fold = new_pipeline(first, 1)
    for number, id_ in enumerate("abcde"):
        taken(fold, [events(id_, f"v{number}", amount="")])
    fold = restarted(fold, first, second, tmp_path / "s")
    taken(fold, [events("f", "v5", amount="", at=1), labels("abcdef", at=2)])
    found = sliced(fold, "sex")
    assert [found[f"v{n}"] for n in range(before)] == [1] * before
    assert sum(found.values()) == 6
    assert len(found) == before + 1
    fold.close()


def test_amounts_of_another_column_are_unknown(tmp_path: Path) -> None:
    """A changed ``value.scale`` does not take the old column's numbers for the new one's."""
    value = {"true_positive": 1, "false_positive": -1, "false_negative": -1}
    made = [
        context(LATE, 5, value={**value, "scale": scale}, columns=columns(), serve={"threshold": 0})
        for scale in ("amount", "other")
    ]
    fold = new_pipeline(made[0], 1)
    taken(fold, [events("abc", "f", "1000000")])
    fold = restarted(fold, made[0], made[1], tmp_path / "s")
    taken(fold, [events("d", "f", "2", at=1), labels("abcd", at=2)])
    found = run_report.metrics(fold)["value"]
    assert (found["served"], found["without_amount"]) == (2.0, 3)
    fold.close()


def columns() -> dict[str, Any]:
    """Two columns that can be amounts."""
    return {
        "id": {"role": "id"},
        "late": {"role": "label"},
        "sex": {"role": "protected"},
        "amount": {"kind": "numeric"},
        "other": {"kind": "numeric"},
    }


def test_corrections_leave_nothing_out_twice() -> None:
    """Of one lesson at most one can be left out, however often its label is corrected."""
    made_for = context(
        LateLabelSettings(allow_corrections=True), 5, imbalance={"negative_share": 0.0001}
    )
    fold = new_pipeline(made_for, 1)
    taken(fold, [events("a", "f"), labels("a", 0, at=1)])
    for again in range(6):
        taken(fold, [labels("a", 1 - again % 2, at=2 + again)])
    assert (fold.counts.learned, fold.counts.left_out) == (1, 1)
    assert fold.joiner.counts.labels_corrected == 6
    fold.close()
