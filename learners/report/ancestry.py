"""What a model comes from: the examples behind its weights, and whose scores its measures hold.

A learner that takes a version goes on with another model than it had. Of a backfill of a file it
takes the weights, and its own counts stay; of one of the log it takes the counts too, with scores
that the backfill gave and nobody was served.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from converters.show.tables import counted
from learners.registry import Registry
from learners.registry.row_types import Adoption, Checkpoint, Lineage, Start, Version


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The examples behind the weights of a version.

    Attributes:
        examples: all of them.
        of_files: those of files, by the version that was made of the file.
    """

    examples: int
    of_files: Mapping[int, int] = field(default_factory=dict)

    @property
    def from_files(self) -> int:
        """How many came from files, which the log does not hold."""
        return sum(self.of_files.values())

    def words(self) -> str:
        """Both counts.

        >>> TrainedOn(3001, {1: 3000}).words()
        '3,001 examples (3,000 of them from a file)'
        """
        return counted(self.examples, "example", "examples") + self.of_which()

    def of_which(self) -> str:
        """How many came from files, in brackets; nothing where none did."""
        if not self.from_files:
            return ""
        if self.from_files == self.examples:
            return " (all from a file)"
        return f" ({self.from_files:,} of them from a file)"

    def to_json(self) -> dict[str, int]:
        """For scripts."""
        return {"examples": self.examples, "from_files": self.from_files}


@dataclass(frozen=True, slots=True)
class Replayed:
    """What of a learner's measures a backfill scored: its version, the labels, and what waited."""

    version: int
    labels: int
    waiting: int

    def to_json(self) -> dict[str, int]:
        """For scripts."""
        return {"version": self.version, "labels": self.labels, "waiting": self.waiting}

    def words(self) -> str:
        """Which of the scores nobody was served."""
        labels = counted(self.labels, "label", "labels")
        waited = counted(self.waiting, "event", "events")
        also = f", and of the {waited} that waited then" if self.waiting else ""
        return (
            f"The scores of the first {labels}{also} are those of the backfill that made version "
            f"{self.version}: nobody was served them. Those since then were given at arrival."
        )


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a lineage began with.

    Attributes:
        base: the version.
        point: the checkpoint whose counts and measures go on: the learner's own, or the backfill's.
        weights: whether the learner took the version's weights alone.
    """

    base: Version
    point: Checkpoint
    weights: bool


class Ancestry:
    """Looks up in a registry what lineages began with; each only once.

    Args:
        registry: where the model is.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lineages: dict[int, Lineage | None] = {}
        self._begun: dict[int, _Taken | None] = {}

    def trained_on(self, point: Checkpoint) -> TrainedOn:
        """The examples behind the weights of a version or checkpoint."""
        learned = _learned(point)
        if is_of_file(point):
            return TrainedOn(learned, {point.version or 0: learned})
        taken = self._taken(point.lineage)
        if taken is None:
            return TrainedOn(learned)
        base = self.trained_on(taken.base)
        before = taken.point if taken.weights else taken.base
        return TrainedOn(learned + base.examples - _learned(before), base.of_files)

    def kept(self, lineage: int) -> Checkpoint | None:
        """The learner's checkpoint whose counts went on when it took only weights."""
        taken = self._taken(lineage)
        return taken.point if taken is not None and taken.weights else None

    def replayed(self, lineage: int) -> Replayed | None:
        """What of a lineage's measures a backfill scored; None if its learners scored all."""
        taken = self._taken(lineage)
        if taken is None:
            return None
        if taken.weights:
            return self.replayed(taken.point.lineage)
        original = self._original(taken.base.lineage)
        if original is not None:
            return self.replayed(original.serial)
        point = taken.point
        return Replayed(taken.base.version, _learned(point), point.events.get("waiting", 0))

    def scored_by(self, lineage: int) -> set[int]:
        """The lineages whose scores on the scores topic are those in a lineage's measures.

        Itself, and those before it whose measures went on in it: where the learner took weights
        only, or a backfill of the journal, which gives the same scores again.
        """
        found, here = set[int](), self._lineage(lineage)
        while here is not None:
            found.add(here.serial)
            taken = self._taken(here.serial)
            if taken is None:
                break
            of = taken.point if taken.weights else taken.base
            here = self._lineage(of.lineage) if taken.weights else self._original(of.lineage)
        return found

    def _taken(self, lineage: int) -> _Taken | None:
        """What a lineage began with; None if with nothing, or if that is not known any more."""
        if lineage not in self._begun:
            self._begun[lineage] = self._look_up(lineage)
        return self._begun[lineage]

    def _look_up(self, serial: int) -> _Taken | None:
        lineage, versions = self._lineage(serial), self._registry.versions
        if lineage is None or lineage.parent_version is None:
            return None
        base = versions.find(lineage.parent_version)
        adoption = self._adoption(lineage)
        if adoption is None or adoption.checkpoint is None:
            return _Taken(base, base, weights=False)
        point = versions.checkpoint(adoption.checkpoint) or base
        return _Taken(base, point, weights=adoption.kind != "whole")

    def _adoption(self, lineage: Lineage) -> Adoption | None:
        """How a lineage took what it began with; a backfill of the journal as its original did."""
        original = self._original(lineage.serial) if lineage.epoch is None else lineage
        return None if original is None else self._registry.adoptions.of_lineage(original.serial)

    def _original(self, serial: int) -> Lineage | None:
        """The learner's lineage whose journal a backfill folded again; None of any other lineage.

        Both have one beginning, which no other backfill has.
        """
        copy = self._lineage(serial)
        if copy is None or copy.epoch is not None:
            return None
        for before in range(serial - 1, 0, -1):
            found = self._lineage(before)
            if found is not None and found.epoch is not None and _begins(found) == _begins(copy):
                return found
        return None

    def _lineage(self, serial: int) -> Lineage | None:
        if serial not in self._lineages:
            self._lineages[serial] = self._registry.versions.lineage(serial)
        return self._lineages[serial]


def _begins(lineage: Lineage) -> tuple[int | None, Start, str]:
    return lineage.parent_version, lineage.start, lineage.schema_hash


def is_of_file(point: Checkpoint) -> bool:
    """Whether a version was made of a file, and so has no positions in the log."""
    return point.epoch is None and not point.start.positions


def _learned(point: Checkpoint) -> int:
    return point.events.get("learned", 0)
