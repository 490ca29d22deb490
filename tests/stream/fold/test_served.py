"""What callers were given in the fold: a contender over the events that have it, with its lag."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.evaluation.served_lag import given_words
from learners.snapshots.store import SnapshotStore
from stream.fold import run_report
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log.batch import EventRows, LabelRows, Taken, batch_of
from stream.log.signed_scores import Served
from tests.support.streams.folds import (
    BEGIN,
    EVENTS,
    EVERYTHING,
    LABELS,
    context,
    saved_and_loaded,
)

LATE = LateLabelSettings(allow_corrections=True)
SECOND = 1000


def drawn(count: int, seed: int) -> list[Taken]:
    """Events of which some callers were told, and their labels some records later."""
    draw = np.random.default_rng(seed)
    records: list[Taken] = []
    for n in range(count):
        rows: list[Any] = [(f"k{n}-{at}", None, f"| x={at}") for at in range(3)]
        served = {
            at: Served(float(draw.random()), 1 + n // 9, n // 2, int(draw.integers(0, 9_000)))
            for at in range(3)
            if draw.random() < 0.6
        }
        kept: list[tuple[str, ...]] = [("f", str(at)) for at in range(3)]
        records.append(EventRows(EVENTS, n, BEGIN + n * SECOND, rows, kept, 0, served))
        if n >= 4:
            labels: list[Any] = [(f"k{n - 4}-{at}", int(draw.integers(0, 2))) for at in range(3)]
            records.append(LabelRows(LABELS, n, BEGIN + n * SECOND, labels))
    return records


def plainly(records: list[Taken]) -> dict[str, Any]:
    """Log loss, number and lags of what callers were given, row by row."""
    learned, given, losses, lags, ages = 0, dict[str, tuple[Served, int]](), [], [], []
    for record in records:
        for at, row in enumerate(record.rows):
            if isinstance(record, EventRows):
                if at in record.served:
                    given[row[0]] = record.served[at], learned
                continue
            learned += 1
            if row[0] in given:
                score, behind = given.pop(row[0])
                right = score.score if row[1] else 1 - score.score
                losses.append(-np.log(min(max(right, 1e-7), 1 - 1e-7)))
                lags.append(behind - score.learned)
                ages.append(score.age_ms)
    return {
        "count": len(losses),
        "log_loss": sum(losses) / len(losses),
        "lags": (sum(lags), max(lags)),
        "ages": (sum(ages), max(ages)),
    }


def check(fold: Pipeline, records: list[Taken]) -> None:
    """The fold has measured what a plain loop finds."""
    expected, report = plainly(records), run_report.metrics(fold)
    found, lag = report["contenders"]["served"], report["remembered"]["lag"]
    assert found["count"] == lag["count"] == expected["count"]
    assert found["log_loss"] == pytest.approx(expected["log_loss"], abs=1e-9)
    assert (lag["lessons_sum"], lag["lessons_max"]) == expected["lags"]
    assert (lag["ms_sum"], lag["ms_max"]) == expected["ages"]
    assert lag["lessons_mean"] == expected["lags"][0] / expected["count"]
    assert lag["seconds_max"] == expected["ages"][1] / SECOND


@pytest.mark.parametrize("cut", [1, 7, 1000])
def test_what_callers_were_given_is_measured_over_the_events_that_have_it(
    tmp_path: Path, cut: int
) -> None:
    """However the records are cut, and with stops and starts: as a plain loop finds it."""
    made_for, records = context(LATE, 5, **EVERYTHING), drawn(60, 3)
    fold, store = new_pipeline(made_for, 1), SnapshotStore(tmp_path)
    for first in range(0, len(records), cut):
        fold.take(batch_of(records[first : first + cut], {}))
        if first % 5 == 0:
            fold = saved_and_loaded(fold, made_for, store)
    check(fold, records)
    # What it is compared with is measured over the same events.
    served, of = fold.evaluator.summary()["contenders"]["served"], fold.evaluator.window_lessons()
    assert served["score_log_loss"] is not None
    assert int(np.count_nonzero(~np.isnan(of.scores["served"]))) == served["window"]["count"]
    said = given_words(run_report.metrics(fold))[0]
    assert f"scores for {served['count']} events" in said
    assert f"log loss {served['log_loss']:.4f}" in said
    fold.close()


def test_a_corrected_label_counts_what_the_caller_was_given_once(tmp_path: Path) -> None:
    """With the new label, and its lag once."""
    made_for = context(LATE, 5, **EVERYTHING)
    fold = new_pipeline(made_for, 1)
    given = {0: Served(0.25, 3, 0, 500)}
    event = EventRows(EVENTS, 0, BEGIN, [("a", None, "| x=1")], [("f", "1")], 0, given)
    fold.take(batch_of([event, LabelRows(LABELS, 0, BEGIN + 1, [("a", 1)])], {}))
    fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path))
    fold.take(batch_of([LabelRows(LABELS, 1, BEGIN + 2, [("a", 0)])], {}))
    report = run_report.metrics(fold)
    found, lag = report["contenders"]["served"], report["remembered"]["lag"]
    assert (found["count"], found["positives"], lag["count"]) == (1, 0, 1)
    assert found["brier"] == pytest.approx(0.25**2, abs=1e-12)
    fold.close()


def test_what_is_not_believed_is_counted_over_the_lineage(tmp_path: Path) -> None:
    """By why, through stops; a word says what to do."""
    made_for = context(LATE, 5, **EVERYTHING)
    fold = new_pipeline(made_for, 1)
    for why in ("forged", "no-key", "forged"):
        fold.take(replace(batch_of(drawn(1, 1)[:1], {}), ignored=Counter([why])))
        fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path))
    report = run_report.metrics(fold)
    assert report["remembered"]["ignored"] == {"forged": 2, "no-key": 1}
    assert "copy served.key" in given_words(report)[-1]
    fold.close()


def test_a_model_of_which_nothing_is_remembered_has_no_such_contender() -> None:
    """Nor a column for it, nor a word of it."""
    fold = new_pipeline(context(LATE, 5, **EVERYTHING), 1)
    records = [
        each._replace(served={}) if isinstance(each, EventRows) else each for each in drawn(9, 1)
    ]
    fold.take(batch_of(records, {}))
    report = run_report.metrics(fold)
    assert "served" not in report["contenders"]
    assert "remembered" not in report
    assert given_words(report) == []
    assert not any("served" in name for name in (*fold.joiner.layout().floats,))
    fold.close()
