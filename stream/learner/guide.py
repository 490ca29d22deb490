"""The guide of a replay: the batches that the learner had taken beyond a version's place.

A replay takes them again one by one, without what is in quarantine, so that the state at its end is
that of a learner who had never read it. They are found in the journal: the lines of the lineages
that had led to where the learner was, each up to where the next one began.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Lineage, Rollback
from stream.learner.model_parts import ModelParts
from stream.log import journal
from stream.log.contract import Place
from stream.log.journal import Cut, JournalLine, to_cut
from stream.reading.assignment import Step


def steps_beyond(parts: ModelParts, lineage: Lineage, rollback: Rollback, at: Cut) -> list[Step]:
    """The steps that a lineage has still to take; none if it reads nothing again.

    Args:
        parts: the model's.
        lineage: the one that reads again.
        rollback: by which it began.
        at: where it is.
    """
    if rollback.until is None:
        return []
    lines: dict[int, list[JournalLine]] = defaultdict(list)
    end = lineage.start.journal_position
    place = Place(parts.topics.journal, 0)
    for record in journal.records(parts.event_log, place.topic):
        if record.offset < end and (line := journal.line_of(record)).batch:
            lines[line.lineage].append(line)
    begin: Cut = to_cut(lineage.start.positions)
    until: Cut = to_cut(rollback.until)
    found = list[JournalLine]()
    for serial in _chain(parts.registry, rollback, lines.keys()):
        own = [line for line in lines[serial] if _between(begin, line.cut, until)]
        found[:0] = own
        start = parts.registry.versions.lineage(serial)
        until = {} if start is None else to_cut(start.start.positions)
        if not _between(begin, until, until):
            break
    steps = _with_left_out(parts.registry, lines, found, begin)
    return [step for step in steps if not _reaches(at, step.line.cut)]


def _chain(registry: Registry, rollback: Rollback, known: Collection[int]) -> Iterator[int]:
    """The lineages that led to where the learner was, the last first."""
    assert rollback.tip is not None, "a claimed replay has its tip"
    serial: int | None = registry.versions.find(rollback.tip).lineage
    while serial is not None:
        yield serial
        serial = _before(registry, serial, known)


def _before(registry: Registry, serial: int, known: Collection[int]) -> int | None:
    """The lineage from whose place another one read on."""
    adoption = registry.adoptions.of_lineage(serial)
    if adoption is None:
        return None
    if adoption.checkpoint is not None and adoption.kind != "whole":
        point = registry.versions.checkpoint(adoption.checkpoint)
        return None if point is None else point.lineage
    made = registry.versions.find(adoption.version).lineage
    # A backfill has no lines: those of the learner before it are as far.
    return made if made in known else max((n for n in known if n < serial), default=None)


def _with_left_out(
    registry: Registry,
    lines: Mapping[int, Sequence[JournalLine]],
    found: Sequence[JournalLine],
    begin: Cut,
) -> Iterator[Step]:
    """Each with what its lineage left out, where it has just the records that it had then."""
    serials = {line.lineage for line in found}
    lineages = {serial: registry.versions.lineage(serial) for serial in serials}
    # One of a lineage, however many lines it has: there may be thousands of ranges.
    left_out = {
        serial: OffsetRanges.from_json(lineage.quarantined)
        for serial, lineage in lineages.items()
        if lineage is not None
    }
    before = begin
    for line in found:
        lineage = lineages[line.lineage]
        if lineage is None:  # of a registry that was lost
            yield Step(line, None)
        else:
            own = lines[line.lineage]
            at = min(line.batch - 1, len(own)) - 1
            since = to_cut(lineage.start.positions) if at < 0 else own[at].cut
            alike = all(since.get(place, 0) == before.get(place, 0) for place in line.cut)
            yield Step(line, left_out[line.lineage] if alike else None)
        before = line.cut


def _between(begin: Cut, cut: Cut, until: Cut) -> bool:
    """Whether a cut is beyond the first and not beyond the last."""
    return _reaches(cut, begin) and not _reaches(begin, cut) and _reaches(until, cut)


def _reaches(at: Cut, cut: Cut) -> bool:
    """Whether positions are at a cut, or beyond it, in every partition."""
    return all(at.get(place, 0) >= offset for place, offset in cut.items())
