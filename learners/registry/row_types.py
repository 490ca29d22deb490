"""What goes into the registry and what comes out: frozen data, no behaviour.

The learner process commits a :class:`Commit`, servers read :class:`Pointers` and
:class:`Version`, the command line prints :class:`Entry` and :class:`Status`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from converters.cells.kind import FIRST_CONVERTER
from learners.snapshots.manifest import SnapshotRef

State = Literal["verified", "refused", "candidate", "thinned"]
Json = dict[str, Any]
Positions = dict[str, dict[int, int]]

# Where a lineage's config keeps the version of the converter, beside the sections of a config.
CONVERTER = "converter"


def utc_now() -> datetime:
    """The time of the wall clock, in UTC."""
    return datetime.now(UTC)


def iso(moment: datetime) -> str:
    """A moment as all of Freshet prints it: UTC, milliseconds, ``2026-01-31T08:15:00.125Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Start(NamedTuple):
    """Where a learner resumes from.

    Attributes:
        positions: topic -> partition -> next offset to read.
        topic_ids: topic -> its identity, by which a recreated topic is noticed.
        journal_position: the next offset of the journal to read.
    """

    positions: Positions
    topic_ids: dict[str, str]
    journal_position: int


class Lineage(NamedTuple):
    """A chain of versions with one start: checkpoint zero of a learner that has made none yet.

    Attributes:
        serial: the lineage's number within the model.
        parent_version: the version whose weights it began with; None means from nothing.
        origin: what made it, in a word (``learn``, ``backfill``, ``promote`` …).
        learner: kind and complete arguments.
        schema_hash: the schema it was begun under.
        start: where it began to read.
        epoch: the writer that began it; None for a backfill's.
        created_at: when it began.
        config: everything in the config that decides what is learned; None if a release began the
            lineage that did not store it.
        writers: the schemas before its own, the oldest first: ``until`` (positions) rows without
            names were written by ``schema``.
        quarantined: the records that it does not learn, as
            :class:`~learners.registry.requests.offset_ranges.OffsetRanges` writes them.
        corrected: the corrected rows that it takes in their place.
    """

    serial: int
    parent_version: int | None
    origin: str
    learner: Json
    schema_hash: str
    start: Start
    epoch: int | None
    created_at: datetime
    config: Json | None = None
    writers: list[Json] | None = None
    quarantined: Json | None = None
    corrected: Json | None = None

    @property
    def converter(self) -> int:
        """The version of the converter by which it reads cells."""
        return converter_of(self.config)


def converter_of(config: Json | None) -> int:
    """The version of the converter that a lineage's config names; the first ones named none."""
    found: int = (config or {}).get(CONVERTER, FIRST_CONVERTER)
    return found


class Fixed(NamedTuple):
    """What is fixed for a lineage; the attributes are those of :class:`Lineage`."""

    learner: Json
    schema_hash: str
    config: Json | None = None
    writers: list[Json] | None = None
    quarantined: Json | None = None
    corrected: Json | None = None


class Adoption(NamedTuple):
    """Who takes which version's state from where.

    Attributes:
        seq: rises by one.
        version: the backfill's version whose state the learner takes.
        kind: ``whole``: with its positions, joins, counts and measures; ``weights``: into the
            live joins, positions and counts; ``resume``: as ``weights``, by a rollback.
        leave_waiting: whether events that wait may be left behind.
        at: when it was asked for.
        state: ``pending`` until the learner has taken it, ``done``, or ``withdrawn``.
        lineage: the lineage that began with it.
        checkpoint: of ``whole``: that of the backfill from which the learner goes on, if not at its
            end; else the live checkpoint whose joins, positions and counts stay.
        rollback: the one that is claimed with it, if it comes from one.
    """

    seq: int
    version: int
    kind: Literal["whole", "weights", "resume"]
    leave_waiting: bool
    at: datetime
    state: Literal["pending", "done", "withdrawn"]
    lineage: int | None
    checkpoint: int | None
    rollback: Rollback | None = None


class Rollback(NamedTuple):
    """A rollback of the learner, and what became of it.

    Attributes:
        number: rises by one.
        version: what to go back to.
        learner: ``resume``: what the version had learned, into the live joins, positions and
            counts; ``replay``: all of the version's state, from where the log is read again.
        state: ``asked`` until the learner has ``claimed`` it, and a replay then ``replaying``; in
            the end ``done``, ``failed`` or ``cancelled``.
        at: when it was asked for.
        actor: by whom.
        reason: why.
        pin: the ledger's entry by which serving moved.
        lineage: the one that the learner began by it.
        made: the version that the learner cut by it, once it is done.
        words: why it failed or was cancelled.
        ended_at: when it was done, failed or cancelled.
        quarantine: the number of that which was added with it.
        undoes: the number of the replay that it puts an end to, or undoes.
        quarantined: of a replay: the records that it leaves out.
        tip: of a replay: the version that the learner had come to when it began.
        until: the positions of that one: a replay is done once it has read as far.
    """

    number: int
    version: int
    learner: Literal["resume", "replay"]
    state: Literal["asked", "claimed", "replaying", "done", "failed", "cancelled"]
    at: datetime
    actor: str
    reason: str
    pin: int
    lineage: int | None
    made: int | None
    words: str
    ended_at: datetime | None
    quarantine: int | None = None
    undoes: int | None = None
    quarantined: Json | None = None
    tip: int | None = None
    until: Json | None = None

    @property
    def under_way(self) -> bool:
        """Whether the learner has still to do it, or does it."""
        return self.state in ("asked", "claimed", "replaying")


class Quarantine(NamedTuple):
    """Records of the log that nobody learns who reads it again.

    Attributes:
        number: rises by one.
        asked: as it was asked for: the texts of ``skip`` and ``skip_time``.
        ranges: what that was in the log then, as
            :class:`~learners.registry.requests.offset_ranges.OffsetRanges` writes it.
        at: when it was added.
        actor: by whom.
        reason: why.
        removed_at: when it was removed; None while it holds.
        removed_by: by whom.
        removed_because: why.
        corrected: how many of its rows were corrected.
    """

    number: int
    asked: Json
    ranges: Json
    at: datetime
    actor: str
    reason: str
    removed_at: datetime | None = None
    removed_by: str | None = None
    removed_because: str | None = None
    corrected: int = 0

    @property
    def offsets(self) -> int:
        """How many offsets its ranges have; not each need have a record."""
        spans = (each for partitions in self.ranges.values() for each in partitions.values())
        return sum(last - first + 1 for ranges in spans for first, last in ranges)


class Verdict(NamedTuple):
    """The gate's verdict on a snapshot: may it be served, and the reason if not.

    Attributes:
        good: whether it may be served at all.
        reason: why not; or why it is held back.
        held: whether it is only served if a person promotes it.
    """

    good: bool
    reason: str = ""
    held: bool = False


class Commit(NamedTuple):
    """What a learner commits once its snapshot folder is on disk.

    Attributes:
        lineage: the lineage's serial.
        parent_version: the version before it on the way here, if any.
        snapshot: the finished folder and its manifest's hash.
        model_sha256: fingerprint of what was scored and learned.
        start: where a learner that resumes from here reads on.
        learned_something: whether anything was learned since the version before; only then
            does the checkpoint get a version number.
        verdict: the gate's.
        events: counts, cumulative over the lineage.
        metrics: JSON data; what is undefined is None, never NaN.
        learner: kind and complete arguments.
        schema_hash: the schema it was learned under.
    """

    lineage: int
    parent_version: int | None
    snapshot: SnapshotRef
    model_sha256: str
    start: Start
    learned_something: bool
    verdict: Verdict
    events: dict[str, int]
    metrics: Json
    learner: Json
    schema_hash: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state that can be resumed, as :class:`Commit` describes it, and its fate since.

    Attributes:
        serial: the checkpoint's number within the model; counts versions and others alike.
        version: its number as a version, if it has one.
        state: ``verified`` or ``refused`` by the gate, ``candidate`` when made by a backfill or
            held back by the gate and not yet served, ``thinned`` when its folder was given up.
        reason: why it was refused or held back, else empty.
        served: whether it has ever been the one to serve.
        epoch: the writer that committed it; None for a backfill's.
    """

    serial: int
    version: int | None
    lineage: int
    parent_version: int | None
    state: State
    reason: str
    served: bool
    snapshot: SnapshotRef
    model_sha256: str
    start: Start
    events: dict[str, int]
    metrics: Json
    learner: Json
    schema_hash: str
    epoch: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Version(Checkpoint):
    """A checkpoint with a number, offered for serving."""

    version: int


@dataclass(frozen=True, slots=True)
class Pointers:
    """The newest version of the live lineage, the one to serve, and whether that one is pinned.

    Attributes:
        unchanged: of an act's answer: all was so already, and nothing is asked of the learner.
        rollback: of an act's answer: the rollback of the learner that was asked for.
    """

    latest: int | None
    serving: int | None
    pinned: bool
    unchanged: bool = field(default=False, compare=False)
    rollback: Rollback | None = field(default=None, compare=False)


class Committed(NamedTuple):
    """The result of a commit: its checkpoint, its version if any, and the pointers after it."""

    checkpoint: int
    version: int | None
    pointers: Pointers


class Entry(NamedTuple):
    """One line of the ledger.

    Attributes:
        seq: rises by one; the order in which things happened, whatever the clocks said.
        at: when, by the clock of who did it.
        actor: who.
        action: ``publish``, ``hold``, ``promote``, ``rollback``, ``unpin``, ``adopt``,
            ``withdraw`` (the learner could not adopt), ``resume`` or ``replay`` (it went back),
            ``cancel``, ``fail`` (it could not), ``refuse``, ``quarantine``, ``release``,
            ``correct`` (rows of a quarantine), ``thin`` or ``lost`` (an older registry of the
            model).
        reason: why.
        version: the version it is about, if it is about one.
        from_version: the version to serve before.
        to_version: the version to serve after; the same where serving did not move.
        detail: more, by action.
    """

    seq: int
    at: datetime
    actor: str
    action: str
    reason: str
    version: int | None
    from_version: int | None
    to_version: int | None
    detail: Json


class Status(NamedTuple):
    """The learner's last heartbeat: its state, when, and under which epoch and owner."""

    status: Json
    at: datetime
    epoch: int
    owner: str


class StoredResponse(NamedTuple):
    """An answer kept for a repeated request: HTTP status and body, byte for byte."""

    status: int
    body: bytes
