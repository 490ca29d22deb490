"""Records planned in one go, against the same records planned row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.learning_settings import DuplicateSettings, LateLabelSettings
from stream.fold import run_planner
from stream.fold.plan import Plan, plan_for
from stream.fold.row_fates import RowFates
from stream.fold.row_planner import Planner
from stream.joins.joiner import Joiner
from stream.log.batch import EventRows, LabelRows, LeftOut, Taken, batch_of
from tests.support.streams.folds import EVENTS, LABELS, policies, remembered, served_score

SECOND = 1000
LONG = "a long id, number "
names = st.integers(0, 40).map(str) | st.sampled_from(["", f"{LONG}1", f"{LONG}2"])
runs = st.builds(
    lambda first, count, long: [f"{LONG if long else ''}{n}" for n in range(first, first + count)],
    st.integers(0, 60),
    st.integers(1, 12),
    st.integers(0, 5).map(lambda n: n == 0),
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
    for offset in range(draw(st.integers(1, 14))):
        time += SECOND * draw(st.sampled_from([0, 0, 1, 1, 2, 3, 7, -1]))
        ids = draw(runs | st.lists(names, min_size=1, max_size=9))
        rows: list[Any]
        if draw(st.booleans()):
            rows = events(ids, draw(st.sampled_from(["all", "none", "some"])), draw)
            cells: list[tuple[str, ...]] = [(i, str(n)) for n, i in enumerate(ids)]
            served = {at: served_score(offset, at) for at in range(offset % 3, len(rows), 3)}
            records.append(EventRows(EVENTS, offset, time, rows, cells, 0, served))
        else:
            rows = [(id_ or "x", draw(st.sampled_from([0, 1]))) for id_ in ids]
            records.append(LabelRows(LABELS, offset, time, rows))
        if draw(st.integers(0, 5)) == 0:
            rows[draw(st.integers(0, len(rows) - 1))] = Refusal("bad-label", "late", "?")
    return records


@st.composite
def orderly_records(draw: st.DrawFn) -> list[Taken]:
    """Mostly new events and the first labels of earlier ones, at their time or too late."""
    records: list[Taken] = []
    time, made = 1_000_000, 0
    open_: list[str] = []
    odd = draw(st.sampled_from([0, 0, 0, 4, 12]))
    for offset in range(draw(st.integers(2, 14))):
        time += SECOND * draw(st.sampled_from([0, 0, 1, 1, 2, 3]))
        count = draw(st.integers(1, 8))
        rows: list[Any]
        strange = odd and draw(st.integers(0, odd)) == 0
        if draw(st.booleans()) and open_:
            ids = open_[:: draw(st.sampled_from([1, 2, -1]))][:count]
            open_ = [id_ for id_ in open_ if id_ not in ids]
            if strange:
                ids += draw(st.lists(st.integers(0, made + 3).map(str), max_size=2))
            rows = [(id_, draw(st.sampled_from([0, 1]))) for id_ in ids]
            records.append(LabelRows(LABELS, offset, time, rows))
        else:
            ids = [str(made + n) for n in range(count)]
            if strange:
                ids += draw(st.lists(st.integers(0, made + 3).map(str) | st.just(""), max_size=2))
            rows = events(ids, draw(st.sampled_from(["none", "none", "all", "some"])), draw)
            open_ += [id_ for id_, label, _ in rows if label is None and id_]
            made += count
            cells: list[tuple[str, ...]] = [(i, str(n)) for n, i in enumerate(ids)]
            served = {at: served_score(offset, at) for at in range(offset % 3, len(rows), 3)}
            records.append(EventRows(EVENTS, offset, time, rows, cells, 0, served))
    return records


def contents(plan: Plan) -> dict[str, Any]:
    """All of a plan; of records their places, of lines how the learner sees them."""
    found = asdict(plan)
    return found | {
        "lines": plan.lines.each(),
        "scored": [(*of[:3], begin, end) for of, begin, end in plan.scored],
        "refused": [(*of[:3], rows) for of, rows in plan.refused],
    }


# Records in quarantine, behind as many others as their number says.
left_outs = st.lists(
    st.builds(
        LeftOut,
        st.integers(0, 14),
        st.booleans(),
        st.just(1_000_000),
        st.integers(1, 9),
        st.lists(names.filter(bool), max_size=8),
    ),
    max_size=4,
)


def planned(
    records: list[Taken],
    cut: int,
    planner: Planner,
    fewest: int,
    left_out: Sequence[LeftOut] = (),
) -> Any:
    """The plans of the records, so many at a time, and how the joins stand after each."""
    found, joiner = [], planner.joiner
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_planner, "FEWEST", fewest)
        for first in range(0, len(records), cut):
            plan, part = plan_for(joiner), records[first : first + cut]
            batch, begin = batch_of(part, {}), 0
            for each in left_out:
                if first <= each.before < first + len(part):
                    until = each.before - first
                    run_planner.plan_records(planner, batch, range(begin, until), plan)
                    planner.leave_out(each)
                    begin = until
            run_planner.plan_records(planner, batch, range(begin, len(part)), plan)
            counts = asdict(planner.counts), planner.jump, planner.duplicate_labels
            reasons = {kind: of.reasons for kind, of in planner.refused.items()}
            found.append((counts, reasons, contents(plan), remembered(joiner)))
            joiner.tidy()
    return found


def new_planner(late: LateLabelSettings, window: int) -> Planner:
    """A planner that has seen nothing."""
    joiner = Joiner(late, DuplicateSettings(window=window))
    return Planner(joiner, late.expired == "negative")


@settings(max_examples=150, deadline=None)
@given(
    drawn_records() | orderly_records(),
    left_outs,
    policies,
    st.sampled_from([3, 20, 100_000]),
    st.integers(1, 14),
)
def test_what_is_left_out_is_so_however_records_are_planned(
    records: list[Taken], left_out: list[LeftOut], late: LateLabelSettings, window: int, cut: int
) -> None:
    """In one go, row by row, and whatever the batches; the counts add up."""
    late = late.model_copy(update={"allow_corrections": False, "max_waiting": 1000})
    left_out.sort(key=lambda each: each.before)
    planners = [new_planner(late, window) for _ in range(3)]
    found = planned(records, cut, planners[0], 1, left_out)
    assert found == planned(records, cut, planners[1], 10**6, left_out)
    planned(records, 100, planners[2], 10**6, left_out)
    assert planners[0].counts == planners[2].counts
    assert planners[0].joiner.counts == planners[2].joiner.counts
    counts, labels = asdict(planners[0].counts), asdict(planners[0].joiner.counts)
    parts = ("learned", "expired", "scored_only", "rejected", "duplicates", "quarantined")
    waiting = len(planners[0].joiner.waiting)
    assert counts["events"] == waiting + sum(counts[name] for name in parts)
    kinds = ("joined", "rejected", "duplicates", "late", "expired", "corrected", "quarantined")
    waiting = len(planners[0].joiner.labels)
    assert labels["labels"] == waiting + sum(labels[f"labels_{kind}"] for kind in kinds)


@settings(max_examples=150, deadline=None)
@given(
    drawn_records(),
    policies,
    st.sampled_from([None, 6, 15, 1000, 1000]),
    st.sampled_from([0, 3, 8, 20, 60, 100_000]),
    st.integers(1, 14),
)
def test_in_one_go_is_row_by_row(
    records: list[Taken], late: LateLabelSettings, room: int | None, window: int, cut: int
) -> None:
    """The same lines, references, times, counts, dead letters and joins."""
    if room:  # most streams are plain
        late = late.model_copy(update={"allow_corrections": False, "max_waiting": room})
    found, expected = (
        planned(records, cut, new_planner(late, window), fewest) for fewest in (1, 10**6)
    )
    for one, other in zip(found, expected, strict=True):
        assert one == other


@settings(max_examples=100, deadline=None)
@given(
    orderly_records(),
    st.sampled_from(["drop", "negative"]),
    st.sampled_from([3.0, 6.0, 100.0]),
    st.sampled_from([0, 10, 30, 100_000, 100_000]),
    st.integers(1, 14),
)
def test_orderly_records_in_one_go_are_those_row_by_row(
    records: list[Taken], expired: Any, wait: float, window: int, cut: int
) -> None:
    """Where the first look at the joins mostly was right, and where a single row made it wrong."""
    late = LateLabelSettings(expired=expired, wait=wait)
    found, expected = (
        planned(records, cut, new_planner(late, window), fewest) for fewest in (1, 10**6)
    )
    for one, other in zip(found, expected, strict=True):
        assert one == other


def event(at: int, *rows: tuple[str, int | None]) -> EventRows:
    """A record of events so many seconds later."""
    return EventRows(
        EVENTS, at, 1_000_000 + at * SECOND, [(i, label, "| x=1") for i, label in rows]
    )


def label(at: int, *rows: tuple[str, int]) -> LabelRows:
    """A record of labels so many seconds later."""
    return LabelRows(LABELS, at, 1_000_000 + at * SECOND, list(rows))


@pytest.mark.parametrize(
    "batch",
    [
        [label(1, ("waits", 1), ("waits", 0), ("other", 1))],
        [label(1, ("waits", 1)), label(2, ("waits", 1), ("nobody's", 1))],
        [event(1, ("new", None)), label(1, ("new", 1), ("new", 1))],
        [event(1, ("waits", 1), ("new", 1))],
        [event(1, ("new", 1), ("waits", 1)), label(1, ("other", 1))],
        [event(1, ("waits", None), ("new", None))],
        [event(1, ("new", None), ("known", None))],
        [event(1, ("new", 1), ("known", 1), ("another", 1))],
        [event(1, ("new", None), ("new", 1)), label(1, ("other", 1))],
        [event(1, ("new", 1), ("new", None))],
        [label(1, ("new", 1)), event(1, ("new", None), ("another", None))],
        [label(1, ("new", 1), ("waits", 1)), event(1, ("new", 1))],
        [event(2, ("new", None)), event(4, ("another", None)), label(4, ("waits", 1), ("new", 0))],
        [event(2, ("new", None)), label(4, ("waits", 1), ("new", 0))],
        [event(1, ("early", None), ("new", None))],
        [event(1, ("", 1), ("new", 1), ("", None), ("another", None)), label(2, ("new", 1))],
    ],
)
@pytest.mark.parametrize("window", [0, 2, 100])
def test_what_the_first_look_gets_wrong_is_undone(batch: list[Taken], window: int) -> None:
    """Repeated, known and early ids, and labels that come too late within the batch."""
    before: list[Taken] = [
        event(0, ("waits", None), ("other", None), ("known", 1)),
        label(0, ("early", 1)),
    ]
    after: list[Taken] = [label(5, *((i, 1) for i in ("another", "new", "waits", "other")))]
    found = []
    for fewest in (1, 10**6):
        planner = new_planner(LateLabelSettings(wait=3.0), window)
        found.append([planned(part, len(part), planner, fewest) for part in (before, batch, after)])
    assert found[0] == found[1]


def test_plain_records_are_planned_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels, what expires and what repeats too: else the comparison would compare nothing."""
    planner = new_planner(LateLabelSettings(wait=5.0), 100_000)
    ids = [str(n) for n in range(run_planner.FEWEST)]
    first = [EventRows(EVENTS, 0, 1_000_000, [("first", 1, "| x=1")])]
    planned(list(first), 1, planner, 10**6)
    monkeypatch.setattr(planner, "add", None)
    records: list[Taken] = [
        EventRows(EVENTS, 1, 1_000_001, [(i, None, "| x=1") for i in [*ids, "late"]]),
        EventRows(EVENTS, 2, 1_000_002, [(f"own{i}", 1, "| x=1") for i in ids]),
        LabelRows(LABELS, 0, 1_000_003, [(i, 0) for i in ids]),
        EventRows(EVENTS, 3, 1_003_000, [("last", None, "| x=1"), ("own1", 0, "| x=1")]),
        LabelRows(LABELS, 1, 1_006_000, [("late", 1), ("first", 1), ("last", 1), ("soon", 1)]),
        EventRows(EVENTS, 4, 1_006_000, [("soon", None, "2.5 | x=1")]),
    ]
    batch, plan = batch_of(records, {}), plan_for(planner.joiner)
    run_planner.plan_records(planner, batch, range(len(records)), plan)
    counts, labels = planner.counts, planner.joiner.counts
    assert plan.lines.each()[-1] == "1 2.5 | x=1"
    assert counts.learned == 2 * run_planner.FEWEST + 3
    assert (counts.positives, counts.expired) == (run_planner.FEWEST + 3, 1)
    assert (counts.duplicates, labels.labels_late, labels.labels_duplicates) == (1, 1, 1)


@pytest.mark.parametrize("plain", [False, True])
def test_a_line_that_waited_is_as_plain_as_it_came(plain: bool) -> None:
    """Else a learner would not look at it, though those that it came with have to be looked at."""
    planner = new_planner(LateLabelSettings(wait=3.0, expired="negative"), 100)

    def plan(record: Taken, of: bool) -> Plan:
        batch, found = batch_of([record], {}), plan_for(planner.joiner)
        blocks = [replace(block, plain=of) for block in batch.events.blocks]
        batch = replace(batch, events=replace(batch.events, blocks=blocks))
        run_planner.plan_records(planner, batch, range(1), found)
        planner.joiner.tidy()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_planner, "FEWEST", 1)
        plan(event(0, ("first", 1)), plain)
        plan(event(0, ("a", None), ("b", None)), plain)
        plan(event(1, ("c", None)), True)
        taught = plan(label(2, ("a", 1)), True)
        gone = plan(event(3, ("d", 1)), True)
    assert [block.plain for block in taught.lines.blocks()] == [plain]
    assert [block.plain for block in gone.lines.blocks()] == [plain]


def test_a_label_of_an_id_that_is_forgotten_meanwhile_is_kept() -> None:
    """Its event expired, and so many ids were resolved since that nobody knows of it."""
    records: list[Taken] = [
        EventRows(EVENTS, 0, 1_000_000, [("a", None, "| x=1")]),
        EventRows(EVENTS, 1, 1_004_000, [(f"own{n}", 1, "| x=1") for n in range(9)]),
        LabelRows(LABELS, 0, 1_004_500, [("a", 1)]),
    ]
    for window, late in ((3, 0), (100, 1)):
        planner = new_planner(LateLabelSettings(wait=3.0), window)
        planned(records, 3, planner, 1)
        counts, waiting = planner.joiner.counts, len(planner.joiner.labels)
        assert (counts.labels_late, waiting) == (late, 1 - late)


def test_events_whose_label_was_evicted_take_room() -> None:
    """Only the row planner knows that they wait; the run behind them must leave room for them."""
    ids = [str(n) for n in range(9)]
    records: list[Taken] = [
        LabelRows(LABELS, 0, 1_000_000, [("a", 1), ("b", 1)]),
        EventRows(EVENTS, 0, 1_000_001, [("a", None, "| x=1")]),
        EventRows(EVENTS, 1, 1_000_002, [(i, None, "| x=1") for i in ids]),
    ]
    planner = new_planner(LateLabelSettings(max_waiting=len(ids), max_labels=1), 100)
    planned(records, 3, planner, 1)
    assert list(planner.joiner.waiting) == ids
    assert planner.counts.crowded_out == 1


@pytest.mark.parametrize("refused", [False, True])
def test_most_records_are_looked_for_once(refused: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """New events, with labels of their own or labels later: no second look, whatever is refused."""
    planner = new_planner(LateLabelSettings(wait=5.0), 100_000)
    monkeypatch.setattr(RowFates, "_find_events", None)
    for label in (None, 1):
        ids = [f"{label} {n}" for n in range(9)]
        rows: list[Any] = [(id_, label, "| x=1") for id_ in ids]
        rows += [Refusal("bad-label", "late", "?")] * refused
        records: list[Taken] = [EventRows(EVENTS, 0, 1_000_000, rows)]
        planned(records, 1, planner, 1)
        if label is None:
            planned([LabelRows(LABELS, 0, 1_000_001, [(i, 1) for i in ids])], 1, planner, 1)
    assert planner.counts.learned == 18
