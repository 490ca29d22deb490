"""What lineages have left out and nobody has output, as a journal tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from learners.registry.requests.offset_ranges import OffsetRanges, below
from stream.log import journal
from stream.log.contract import Outgoing, Place
from stream.log.journal import JournalLine
from tests.support.serving.project import Project

EVENTS = "flights.events"
HELD = OffsetRanges.of(((EVENTS, 0), (first, first + 5)) for first in range(0, 2000, 10))
BATCHES = 100


def written() -> Iterator[JournalLine]:
    """A lineage that has output half of the events; another that left some out to their end."""
    half = {Place(EVENTS, 0): 1000}
    yield JournalLine(1, 1, half)
    opening = JournalLine(2, 0, half, quarantined=HELD.to_json(), gaps={})
    yield opening._replace(begins={EVENTS: {0: 0}})
    for batch in range(1, BATCHES + 1):
        yield JournalLine(2, batch, {Place(EVENTS, 0): 20 * batch})


def test_they_are_found_at_once_in_a_long_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges are compared once a lineage: once a line it would take minutes."""
    asked: list[Any] = []

    def counted(positions: Any) -> OffsetRanges:
        asked.append(positions)
        return below(positions)

    project = Project(tmp_path)
    with project.open_log() as log:
        topics = project.topics()
        log.append(EVENTS, [Outgoing(b"x")] * 2000)
        log.append(topics.journal, [journal.record_of(line, None) for line in written()])
        monkeypatch.setattr(journal, "below", counted)
        found = journal.reached(log, topics, lambda _: None)
    assert dict(found.cut) == {Place(EVENTS, 0): 2000}
    assert found.gaps == HELD - below({(EVENTS, 0): 1000})
    assert len(asked) < 10
