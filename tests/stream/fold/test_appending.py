"""Text that the fold adds to arriving rows: a namespace that only this test has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.learning_settings import LateLabelSettings
from learners.snapshots.store import SnapshotStore
from stream.fold import run_planner
from stream.fold.pipeline import Pipeline, new_pipeline
from stream.log.batch import EventRows, LabelRows, Taken
from tests.stream.fold.test_run_planner import drawn_records, new_planner, planned
from tests.support.streams.folds import (
    EVENTS,
    LABELS,
    context,
    model_bytes,
    policies,
    remembered,
    saved_and_loaded,
    taken,
)

LATE = LateLabelSettings()


class Seen:
    """How many rows of an id's last character were scored before, as `` |h n:3``."""

    plain = True

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, ids: Sequence[str], lines: Sequence[str]) -> list[str]:
        """The text of each."""
        found = []
        for id_, line in zip(ids, lines, strict=True):
            assert "|h" not in line
            self.counts[id_[-1:]] += 1
            found.append(f" |h n:{self.counts[id_[-1:]]}")
        return found


def stream(late: bool) -> list[Taken]:
    """Events of some ids again and again, with their labels or before them, and duplicates."""
    records: list[Taken] = []
    for n in range(60):
        ids = [f"{n}-{each}" for each in "abcab"]
        rows: list[Any] = [
            (id_, None if late else (n + at) % 2, f"| x={at}") for at, id_ in enumerate(ids)
        ]
        rows.append(Refusal("bad-label", "late", "?") if n % 7 == 0 else rows[0])
        cells: list[tuple[str, ...]] = [("f", "1")] * 6
        records.append(EventRows(EVENTS, n, 1_000_000 + n, rows, cells))
        if late and n >= 3:
            labels: list[Any] = [(f"{n - 3}-{each}", n % 2) for each in "abc"]
            records.append(LabelRows(LABELS, n, 1_000_000 + n, labels))
    return records


def written_in(records: Sequence[Taken]) -> list[Taken]:
    """The same with the text in the rows themselves."""
    seen, known, found = Seen(), set[str](), list[Taken]()
    for record in records:
        if isinstance(record, EventRows):
            rows: list[Any] = []
            for row in record.rows:
                rows.append(row)
                if not isinstance(row, Refusal) and row[0] not in known:
                    known.add(row[0])
                    rows[-1] = (*row[:2], row[2] + seen([row[0]], [row[2]])[0])
            found.append(record._replace(rows=rows))
        else:
            found.append(record)
    return found


@pytest.mark.parametrize("late", [False, True], ids=["at once", "late"])
@pytest.mark.parametrize(("fewest", "cut"), [(1, 200), (1, 7), (10**6, 7)])
def test_rows_are_scored_and_learned_with_it(
    late: bool, fewest: int, cut: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the converter had written it: scores, models, joins; over a restart too."""
    monkeypatch.setattr(run_planner, "FEWEST", fewest)
    made_for, records = context(LATE, 1000), stream(late)
    plain, fold, seen = new_pipeline(made_for, 1), new_pipeline(made_for, 1), Seen()
    expected, given = taken(plain, written_in(records)), []
    for first in range(0, len(records), cut):
        fold.planner.appending = seen
        given += taken(fold, records[first : first + cut])
        if first == 7 * 3:
            fold = saved_and_loaded(fold, made_for, SnapshotStore(tmp_path / "s"))
    assert seen.counts.total() == 180 == len(given)
    assert given == expected
    assert model_bytes(fold.learner, tmp_path) == model_bytes(plain.learner, tmp_path)
    assert joins(fold) == joins(plain)


def joins(fold: Pipeline) -> Any:
    """What waits with which text and scores."""
    return remembered(fold.joiner)


@settings(max_examples=60, deadline=None)
@given(drawn_records(), policies, st.integers(1, 14))
def test_in_one_go_is_row_by_row(records: list[Taken], late: LateLabelSettings, cut: int) -> None:
    """The same text for the same rows, whatever repeats, expires or is refused."""
    late = late.model_copy(update={"allow_corrections": False, "max_waiting": 1000})
    found = []
    for fewest in (1, 10**6):
        planner = new_planner(late, 100_000)
        planner.appending = Seen()
        found.append(planned(records, cut, planner, fewest))
    assert found[0] == found[1]
