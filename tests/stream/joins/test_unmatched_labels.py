"""Labels for ids that no event has: bounded by age and number, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.snapshots.store import SnapshotStore
from stream.checkpoints.same_model import ChangedModelError, check_same
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.fold.run_report import counts
from stream.log.batch import EventRows, LabelRows, batch_of
from stream.resolved_config import learner_json
from tests.support.streams.folds import EVENTS, LABELS, begun_by, context, saved_and_loaded


def fold_of(**late: Any) -> Pipeline:
    """An empty fold under this policy."""
    return new_pipeline(context(LateLabelSettings(**late), 5), 1)


def send_labels(fold: Pipeline, first: int, count: int, time: int = 1000) -> None:
    """One label for each of so many ids."""
    rows: list[Any] = [(f"n{number}", 1) for number in range(first, first + count)]
    fold.take(batch_of([LabelRows(LABELS, first, time, rows)], {}))


def send_event(fold: Pipeline, id_: str, time: int = 1000) -> None:
    """An event without a label."""
    event = EventRows(EVENTS, 0, time, [(id_, None, "| x=1")], [("f", "1")])
    fold.take(batch_of([event], {}))


def test_the_oldest_labels_are_evicted_and_counted() -> None:
    """One more than may wait: the first is gone, and its event waits as if it had never come."""
    fold = fold_of(max_labels=3)
    send_labels(fold, 0, 3)
    assert "crowded_out_labels" not in counts(fold)
    send_labels(fold, 3, 2)
    assert list(fold.joiner.labels) == ["n2", "n3", "n4"]
    found = counts(fold)
    assert (found["labels"], found["labels_waiting"]) == (5, 3)
    assert found["labels_expired"] == found["crowded_out_labels"] == 2
    send_event(fold, "n0")
    send_event(fold, "n2")
    assert (counts(fold)["waiting"], counts(fold)["learned"]) == (1, 1)
    fold.close()


def test_labels_wait_no_longer_than_they_may() -> None:
    """``label_wait`` is theirs; events wait as long as before."""
    fold = fold_of(label_wait=2.0, wait=60.0)
    send_event(fold, "e", 1000)
    send_labels(fold, 0, 1, 1000)
    send_labels(fold, 1, 1, 3000)
    assert list(fold.joiner.labels) == ["n0", "n1"]
    send_labels(fold, 2, 1, 3001)
    assert list(fold.joiner.labels) == ["n1", "n2"]
    found = counts(fold)
    assert found["labels_expired"] == found["waiting"] == 1
    assert "crowded_out_labels" not in found
    fold.close()


def test_the_bound_on_events_bounds_labels_too() -> None:
    """As it did before labels had a bound of their own: such a model is continued as it began."""
    fold = fold_of(max_waiting=2)
    send_labels(fold, 0, 5)
    assert list(fold.joiner.labels) == ["n3", "n4"]
    fold.close()


def test_a_checkpoint_with_more_labels_than_may_wait_loses_the_oldest(tmp_path: Path) -> None:
    """Of a version without that bound: nothing until the next label, then all that are too many."""
    fold = fold_of()
    send_labels(fold, 0, 10)
    then = context(LateLabelSettings(max_labels=4), 5)
    store = SnapshotStore(tmp_path)
    fold = saved_and_loaded(fold, context(LateLabelSettings(), 5), store, then)
    send_event(fold, "other")
    assert len(fold.joiner.labels) == 10
    send_labels(fold, 10, 1)
    assert list(fold.joiner.labels) == ["n7", "n8", "n9", "n10"]
    assert counts(fold)["crowded_out_labels"] == 7
    again = saved_and_loaded(fold, then, store)
    assert counts(again) == counts(fold)
    again.close()


def test_the_bounds_belong_to_the_model() -> None:
    """As ``max_waiting`` does; at their defaults a model made before them has not changed."""
    plain = context(LateLabelSettings(), 5)
    assert {"label_wait", "max_labels"}.isdisjoint(learner_json(plain)["late_labels"])
    for late in (LateLabelSettings(max_labels=5), LateLabelSettings(label_wait=5.0)):
        with pytest.raises(ChangedModelError, match="late_labels"):
            check_same(context(late, 5), begun_by(plain))
