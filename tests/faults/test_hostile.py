"""Hostile rows through the real pipeline: nothing dies, nothing is lost, nothing is bent.

The short form takes some 20,000 rows, the long one (``-m long``) over a million, on SQLite and on
Kafka. A failure prints its seed and the few bytes that are left when everything else is taken away.
"""

from __future__ import annotations

import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.faults import hostile_check
from tests.faults.hostile import CSV, JSON, Flow, Hostile
from tests.faults.hostile_cells import NAMES
from tests.faults.hostile_check import minimised, problem

# Flights of one round; with the rows that go wrong in between it makes some more.
ROUND, LONG_ROUNDS, KAFKA_ROUNDS = 7_000, 100, 10

texts = st.text(max_size=20)
cells = st.one_of(
    st.sampled_from(["", "1", "0", "1357016400", "2013-01-01", '"', "|", ":", "\r", "nan", "1e39"]),
    st.floats().map(repr),
    st.integers(-(10**20), 10**20).map(str),
    texts,
)
rows = st.lists(cells, min_size=len(NAMES), max_size=len(NAMES)) | st.lists(cells, max_size=15)
csv_rows = rows.map(lambda row: ",".join(row).encode("utf-8", "surrogatepass")) | st.binary()
scalars = st.none() | st.booleans() | st.floats() | st.integers() | texts | cells
trees = st.recursive(scalars, lambda c: st.lists(c, max_size=3) | st.dictionaries(texts, c))
objects = st.dictionaries(st.sampled_from(NAMES), scalars) | st.dictionaries(texts, trees) | trees
columns = st.lists(st.sampled_from(NAMES) | texts, max_size=12).map(
    lambda names: (("columns", ",".join(names).encode()),)
)
headers = st.sampled_from([(), CSV, JSON]) | columns


@st.composite
def records(draw: st.DrawFn) -> Hostile:
    """A record of events or labels, about whose rows nothing is known beforehand."""
    if draw(st.booleans()):
        value = b"\n".join(draw(st.lists(csv_rows, max_size=5)))
    else:
        content = draw(objects | st.lists(objects, max_size=4))
        value = hostile_check.json_bytes(content)
    minute = draw(st.integers(0, 5))
    return Hostile(draw(st.booleans()), minute * 60_000, value, draw(headers), (), False)


def check_rounds(count: int, rows_each: int, log: str = "", first_seed: int = 1) -> None:
    """Flows of so many seeds; fails with the seed and the smallest records that still fail."""
    for seed in range(first_seed, first_seed + count):
        flow = Flow(seed, rows_each).records()
        # A topic of Kafka's is not emptied between rounds: each has a model of its own.
        model = f"t-{uuid.uuid4().hex[:12]}"
        if found := problem(flow, log, model):
            pytest.fail(f"seed {seed}, {rows_each} flights: {found}\n{minimised(flow, problem)}")


def test_hostile_rows_are_dead_letters_and_change_nothing() -> None:
    """20,000 rows, half of them odd or bad: each in its one place, the result as from the good."""
    check_rounds(2, ROUND)


@given(st.lists(records(), min_size=1, max_size=30))
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_whatever_a_record_holds_is_taken_or_refused(hostile: list[Hostile]) -> None:
    """Records of any structure: every row in one place, and the good ones as if alone."""
    hostile.sort(key=lambda record: record.time)
    assert not problem(hostile)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_a_million_hostile_rows_change_nothing() -> None:
    """A million hostile rows: each is in its one place, the result as from the good rows only."""
    check_rounds(LONG_ROUNDS, ROUND, first_seed=1000)


@pytest.mark.long
@pytest.mark.kafka
@pytest.mark.timeout(3600)
def test_hostile_rows_on_kafka_change_nothing(kafka_bootstrap: str) -> None:
    """Hostile rows on a real broker: the result as from the good rows only on the SQLite log."""
    check_rounds(KAFKA_ROUNDS, ROUND, f"kafka://{kafka_bootstrap}", first_seed=5000)


def test_a_failure_is_shown_small() -> None:
    """The harness reduces a failure of a whole stream to the one record that causes it."""
    flow = Flow(3, 300).records()
    marked = Hostile(False, 0, b"this one\xff", (), (), False)
    flow.insert(len(flow) // 2, marked)
    said = minimised(flow, lambda some: "it is there" if marked in some else "")
    assert said.startswith("1 records are left of ")
    assert "this one\\xff" in said
