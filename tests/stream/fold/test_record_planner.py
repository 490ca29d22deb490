"""Records planned in one go, against the same records planned row by row."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.learning_settings import DuplicateSettings, LateLabelSettings
from stream.fold import record_planner
from stream.fold.plan import plan_for
from stream.fold.row_planner import Planner
from stream.joins.joiner import Joiner
from stream.log.batch import EventRows, LabelRows, Taken
from tests.support.streams.folds import EVENTS, LABELS, policies, remembered

names = st.integers(0, 40).map(str) | st.sampled_from(["", "an id of more than 16 characters"])
runs = st.builds(
    lambda first, count: [str(n) for n in range(first, first + count)],
    st.integers(0, 40),
    st.integers(1, 12),
)
texts = st.sampled_from(["| x=1", "2.5 | x=2"])


def events(ids: list[str], label: str, draw: st.DrawFn) -> list[Any]:
    """Rows of events with these ids, all of them labelled, none, or some."""
    known = {"all": st.sampled_from([0, 1]), "none": st.none()}
    labels = known.get(label, st.sampled_from([None, 0, 1]))
    return [(id_, draw(labels), draw(texts)) for id_ in ids]


@st.composite
def drawn_records(draw: st.DrawFn) -> list[Taken]:
    """Mostly records whose rows are alike, and some that are not."""
    records: list[Taken] = []
    time = 1_000_000
    for offset in range(draw(st.integers(1, 12))):
        time += 1000 * draw(st.integers(0, 3))
        ids = draw(runs | st.lists(names, min_size=1, max_size=9))
        rows: list[Any]
        if draw(st.booleans()):
            rows = events(ids, draw(st.sampled_from(["all", "none", "some"])), draw)
            records.append(EventRows(EVENTS, offset, time, rows, [(i,) for i in ids]))
        else:
            rows = [(id_ or "x", draw(st.sampled_from([0, 1]))) for id_ in ids]
            records.append(LabelRows(LABELS, offset, time, rows))
        if draw(st.integers(0, 9)) == 0:
            rows[draw(st.integers(0, len(rows) - 1))] = Refusal("bad-label", "late", "?")
    return records


def planned(records: list[Taken], late: LateLabelSettings, window: int, fewest: int) -> Any:
    """The plans of the records, two at a time, and how the joins stand after each."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_planner, "FEWEST", fewest)
        joiner = Joiner(late, DuplicateSettings(window=window))
        planner = Planner(joiner, late.expired == "negative")
        for first in range(0, len(records), 2):
            plan = plan_for(joiner)
            for record in records[first : first + 2]:
                planner.add(record, plan)
            found.append((asdict(planner.counts), asdict(plan), remembered(joiner)))
    return found


@settings(max_examples=150, deadline=None)
@given(drawn_records(), policies, st.sampled_from([0, 3, 1000]))
def test_in_one_go_is_row_by_row(
    records: list[Taken], late: LateLabelSettings, window: int
) -> None:
    """The same lines, references, times, counts and joins."""
    assert planned(records, late, window, 1) == planned(records, late, window, 10**6)


def test_plain_records_are_planned_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this the comparison above would compare nothing."""
    joiner = Joiner(LateLabelSettings(), DuplicateSettings())
    planner = Planner(joiner)
    monkeypatch.setattr(planner, "_events", None)
    monkeypatch.setattr(planner, "_labels", None)
    plan = plan_for(joiner)
    ids = [str(n) for n in range(record_planner.FEWEST)]
    planner.add(EventRows(EVENTS, 0, 1, [(i, None, "| x=1") for i in ids]), plan)
    planner.add(EventRows(EVENTS, 1, 2, [(f"own{i}", 1, "| x=1") for i in ids]), plan)
    planner.add(LabelRows(LABELS, 0, 3, [(i, 0) for i in ids]), plan)
    assert planner.counts.learned == 2 * record_planner.FEWEST
    assert planner.counts.positives == record_planner.FEWEST
