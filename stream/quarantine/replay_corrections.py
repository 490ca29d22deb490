"""Which corrected rows a replay would take, and which it would not: those before a version's place.

A replay reads on from a version's place. A row that was corrected after the version was made, and
whose record is before that, would not be learned by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from converters.config.settings import Settings
from converters.schema.schema import Schema
from converters.show.tables import counted
from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges, of_positions
from learners.registry.row_types import Start
from stream.log.contract import EventLog
from stream.log.topics import described, topics_of
from stream.quarantine.replay import in_force, newest_clean
from stream.reading.corrections import (
    Corrections,
    corrected_rows,
    incomplete,
    incomplete_words,
)


class Taken(NamedTuple):
    """The corrected rows of what is left out.

    Attributes:
        version: the one that would be gone back to.
        rows: how many would be learned.
        passed: how many would not, since they are before its place.
        before: the newest version that is before all of them; None without one.
        incomplete: the quarantines of which not all rows of a file may have been sent.
    """

    version: int
    rows: int
    passed: int
    before: int | None
    incomplete: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "rows": self.rows,
            "passed": self.passed,
            "newest_before": self.before,
            "incomplete": list(self.incomplete),
        }

    @property
    def words(self) -> str:
        """For people; empty if there are none."""
        if not (self.rows or self.passed):
            return ""
        found = f"Learned in its place: {counted(self.rows, 'corrected row', 'corrected rows')}."
        if self.incomplete:
            found = f"{found} {incomplete_words(self.incomplete)}"
        if not self.passed:
            return found
        other = (
            "No version is before them: 'freshet backfill log --fresh' learns them."
            if self.before is None
            else f"Version {self.before} is the newest before them."
        )
        return (
            f"{found} {self.passed:,} more are of records that come before version "
            f"{self.version} in the log, and are not learned. {other}"
        )


NOTHING_TAKEN = Taken(0, 0, 0, None)


def taken_by(
    log: EventLog,
    registry: Registry,
    config: tuple[Settings, Schema],
    version: int,
    held: OffsetRanges,
) -> Taken:
    """What a replay from a version takes that leaves these records out.

    Raises:
        RegistryError: there is no such version.
        LogError: the corrected rows cannot be read.
    """
    topics, now = topics_of(config[0]), in_force(log, registry, config[0], held)
    if now is None:
        return NOTHING_TAKEN
    found = registry.versions.find(version)
    lineage = registry.versions.lineage(found.lineage)
    own = None if lineage is None else Corrections.from_json(lineage.corrected)
    known = corrected_rows(log, topics.corrections, own)
    at, rows, passed = of_positions(found.start.positions), 0, 0
    for (place, offset), each in corrected_rows(log, topics.corrections, now).items():
        if offset >= at.get(place, 0):
            rows += len(each)
            continue
        learned = known.get((place, offset), {})
        passed += sum(row != learned.get(number) for number, row in each.items())
    before = before_corrected(log, registry, config[0], now.ranges, held) if passed else None
    half = incomplete(log, topics.corrections, now.quarantines)
    return Taken(version, rows, passed, before, tuple(half))


def before_corrected(
    log: EventLog,
    registry: Registry,
    settings: Settings,
    corrected: OffsetRanges,
    held: OffsetRanges,
) -> int | None:
    """The newest version from which a replay would take all of these rows; None without one.

    Args:
        log: is read again.
        registry: knows the versions.
        settings: of the model.
        corrected: the records that have corrected rows.
        held: what is left out.
    """
    states = described(log, topics_of(settings).inputs)

    def precedes(start: Start) -> bool:
        return not corrected.before(of_positions(start.positions))

    return newest_clean(states, registry, held, precedes)
