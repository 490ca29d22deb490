"""The steps of a replay, as a reader in another process is told them."""

from __future__ import annotations

from pathlib import Path

from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log.contract import Place
from stream.log.journal import JournalLine
from stream.reading.assignment import Again, Assignment, Step, from_json, to_json
from tests.support.serving.project import Project

HELD = OffsetRanges.of((("flights.events", 0), (at, at + 5)) for at in range(0, 10_000, 10))


def test_what_a_lineage_left_out_is_told_once(tmp_path: Path) -> None:
    """However many batches it had: told with each it would be gigabytes."""
    lines = [JournalLine(2, 1 + at, {Place("flights.events", 0): 5 * at}) for at in range(100)]
    steps = [Step(line, HELD) for line in lines] + [Step(JournalLine(3, 1, {}), OffsetRanges())]
    again = Again(HELD, [*steps, Step(lines[0], None)])
    told = to_json(Assignment(Project(tmp_path).context, {}, {}, [], None, 10, again))
    assert from_json(told).again == again
    assert len(told) < 5 * len(str(HELD.to_json()))
