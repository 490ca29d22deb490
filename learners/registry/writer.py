"""What a learner writes: its epoch and heartbeat, lineages, checkpoints, and what it thins out.

An epoch is a number that rises with every learner that starts; only the holder of the newest one
is the writer. A commit is the one change by which a checkpoint comes to exist. Rows stay for ever;
only the files of versions that nobody can need any more are given up.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select, update

from learners.registry import database_tables, ledger, serving, versions
from learners.registry.database import Part, Transaction
from learners.registry.errors import RegistryError, SupersededError
from learners.registry.requests import adoptions, rollback, states
from learners.registry.row_types import (
    Adoption,
    Checkpoint,
    Commit,
    Committed,
    Fixed,
    Json,
    Lineage,
    Start,
    Status,
    iso,
)

_MODELS, _BEATS, _CHECKPOINTS = (
    database_tables.models,
    database_tables.heartbeats,
    database_tables.checkpoints,
)


class Writer(Part):
    """The registry as the learner process, or a backfill, writes to it."""

    def begin_epoch(self, owner: str) -> int:
        """Become the one writer; every earlier epoch ends, and is told of ``owner``."""
        with self._database.write() as change:
            mine = _MODELS.c.model == change.model
            epoch: int = 1 + change.connection.scalars(select(_MODELS.c.epoch).where(mine)).one()
            values = {"epoch": epoch, "owner": owner, "owned_since": change.now}
            change.connection.execute(update(_MODELS).where(mine).values(values))
            change.connection.execute(delete(_BEATS).where(_BEATS.c.model == change.model))
            first = {"epoch": epoch, "owner": owner, "at": change.now, "status": {}}
            change.connection.execute(insert(_BEATS).values(model=change.model, **first))
            return epoch

    def check_epoch(self, epoch: int) -> None:
        """Raise :class:`SupersededError` when another learner has taken over."""
        with self._database.read() as look:
            _owner(look, epoch)

    def heartbeat(self, epoch: int, status: Json) -> None:
        """Record the writer's state and the time; raises as :meth:`check_epoch`."""
        with self._database.write() as change:
            mine = (_BEATS.c.model == change.model) & (_BEATS.c.epoch == epoch)
            beat = update(_BEATS).where(mine).values(at=change.now, status=status)
            if change.connection.execute(beat).rowcount == 0:
                _owner(change, epoch)

    def refused(self, words: str) -> None:
        """Note why no writer runs: it refuses its config. The next heartbeat ends that."""
        with self._database.write() as change:
            here = _BEATS.c.model == change.model
            known = change.connection.scalar(select(_BEATS.c.status).where(here))
            status = {**(known or {}), "alive": False, "refused": words}
            change.connection.execute(update(_BEATS).where(here).values(status=status))

    def status(self) -> Status | None:
        """The writer's last heartbeat; None before the first writer."""
        with self._database.read() as look:
            last = select(_BEATS.c.status, _BEATS.c.at, _BEATS.c.epoch, _BEATS.c.owner)
            row = look.connection.execute(last.where(_BEATS.c.model == look.model)).one_or_none()
            return None if row is None else Status(*row)

    def last_settings(self) -> dict[str, Json | None]:
        """The settings that each model's learner last worked by; None if it did not keep them."""
        with self._database.read() as look:
            rows = look.connection.execute(select(_MODELS.c.model, _MODELS.c.settings))
            return {row.model: row.settings for row in rows}

    def begin_lineage(
        self,
        epoch: int | None,
        *,
        parent_version: int | None,
        origin: str,
        fixed: Fixed,
        start: Start,
        after: int = 0,
        adoption: Adoption | None = None,
    ) -> Lineage:
        """Begin a chain of versions, from a version's weights or from nothing.

        With an epoch it becomes the one that the learner works on; without, it is a backfill's.
        Its number is above ``after``. An adoption is taken by it, or the rollback claimed from
        which it comes.

        Raises:
            SupersededError: the epoch is not the newest.
            UnknownVersionError: there is no such parent.
            AdoptionWithdrawnError: the adoption was withdrawn meanwhile, or the rollback cancelled.
        """
        with self._database.write() as change:
            owner = "" if epoch is None else _owner(change, epoch)
            if parent_version is not None:
                versions.version(change, parent_version)
            serial = versions.next_lineage(change, after)
            begun = fixed.learner, fixed.schema_hash, start, epoch, change.now
            kept = fixed.config, fixed.writers, fixed.quarantined, fixed.corrected
            lineage = Lineage(serial, parent_version, origin, *begun, *kept)
            versions.add_lineage(change, lineage)
            if adoption is not None and adoption.rollback is not None:
                rollback.claimed(change, adoption.rollback, adoption, serial)
            elif adoption is not None:
                serving.adopted(change, adoption, serial, owner)
            return lineage

    def keep_settings(self, epoch: int, settings: Json) -> None:
        """Record the settings that the learner works by; raises as :meth:`check_epoch`."""
        with self._database.write() as change:
            _owner(change, epoch)
            mine = _MODELS.c.model == change.model
            change.connection.execute(update(_MODELS).where(mine).values(settings=settings))

    def keep_config(self, epoch: int, lineage: int, fixed: Fixed) -> Lineage:
        """Fill in the config of a lineage that a release began which did not keep it.

        Raises:
            SupersededError: the epoch is not the newest.
        """
        with self._database.write() as change:
            _owner(change, epoch)
            versions.keep_config(change, lineage, fixed)
            found = versions.lineage(change, lineage)
            assert found is not None, "a lineage is never deleted"
            return found

    def commit(self, epoch: int, commit: Commit) -> Committed:
        """The commit point: checkpoint, version, ``latest``, verdict, ``serving``: all or nothing.

        The same folder committed again, as after an answer that was lost, changes nothing.

        Raises:
            SupersededError: the epoch is not the newest.
            RegistryError: the lineage is not the live one.
        """
        with self._database.write() as change:
            owner = _owner(change, epoch)
            known = versions.by_folder(change, commit.snapshot.folder)
            if known is not None:
                return Committed(known.serial, known.version, serving.read(change))
            live = versions.live_serial(change)
            if commit.lineage != live:
                raise RegistryError(
                    f"A checkpoint of lineage {commit.lineage} of model {change.model!r} cannot "
                    f"be committed: the learner's lineage is {live}. Start the learner again; it "
                    "continues from there."
                )
            servable = "candidate" if commit.verdict.held else "verified"
            state = servable if commit.verdict.good else "refused"
            serial, version = versions.add(change, commit, state=state, epoch=epoch)
            if version is None:
                return Committed(serial, None, serving.read(change))
            done = states.finish(change, commit, version)
            pointers = serving.publish(change, version, commit, owner, done)
            return Committed(serial, version, pointers)

    def add_candidate(self, commit: Commit) -> int:
        """A backfill's version: listed, served only once someone promotes it; its number.

        Raises:
            RegistryError: there is no such lineage, or nothing was learned.
        """
        with self._database.write() as change:
            known = versions.by_folder(change, commit.snapshot.folder)
            if known is not None and known.version is not None:
                return known.version
            lineage = versions.lineage(change, commit.lineage)
            if not commit.learned_something or lineage is None:
                raise RegistryError(
                    f"A candidate of lineage {commit.lineage} of model {change.model!r} cannot be "
                    "listed: nothing was learned, or the lineage does not exist. Backfill again."
                )
            state = "candidate" if commit.verdict.good else "refused"
            _, version = versions.add(change, commit, state=state, epoch=None)
            assert version is not None
            return version

    def add_beginning(self, commit: Commit) -> None:
        """Where a learner goes on that takes the version which this backfill will make.

        It is before that version's end where no learner has output the last rows yet.
        """
        with self._database.write() as change:
            if versions.by_folder(change, commit.snapshot.folder) is None:
                versions.add(change, commit, state="verified", epoch=None)

    def thinnable(self, keep: int) -> list[Checkpoint]:
        """The checkpoints whose folders may be deleted, oldest first.

        Kept are the newest ``keep`` versions of the learner and as many candidates of backfills (a
        learner must not push out a backfill's version before someone could promote it), every
        version that was ever served because someone chose it, the versions that pointers name and
        the learner's best, the point to resume from, the versions and checkpoints that lineages
        began with, and what the learner had come to before a replay.

        Versions that were served only by following the learner go too: it makes one every few
        seconds, and kept for ever they would fill the disk.
        """
        with self._database.read() as look:
            return _thinnable(look, keep)

    def mark_thinned(self, given: Iterable[Checkpoint]) -> list[Checkpoint]:
        """Give these up; returns those that are still unneeded: delete their folders."""
        wanted = {found.serial for found in given}
        with self._database.write() as change:
            gone = [found for found in _thinnable(change, keep=0) if found.serial in wanted]
            if not gone:
                return gone
            serials = [found.serial for found in gone]
            versions.change_rows(change, _CHECKPOINTS.c.serial.in_(serials), thinned=True)
            numbers = [found.version for found in gone if found.version is not None]
            if numbers:  # others were never on offer
                served = serving.read(change).serving
                ledger.append(
                    change,
                    actor="freshet",
                    action="thin",
                    reason="older than what is kept, and never chosen to be served",
                    version=None,
                    moved=(served, served),
                    detail={"checkpoints": serials, "versions": numbers},
                )
            return gone


def _owner(look: Transaction, epoch: int) -> str:
    """The owner of this epoch, if it is the newest; inside a change it stays so to the end.

    Raises:
        SupersededError: another learner has taken over.
    """
    newest = select(_MODELS.c.epoch, _MODELS.c.owner, _MODELS.c.owned_since)
    now = look.connection.execute(newest.where(_MODELS.c.model == look.model)).one()
    if now.epoch == epoch:
        return str(now.owner)
    since = f" at {iso(now.owned_since)}" if now.owned_since else ""
    raise SupersededError(
        f"This learner of model {look.model!r} (epoch {epoch}) may write no more: "
        f"{now.owner or 'nobody'} took over{since} with epoch {now.epoch}. Nothing was changed. "
        "Leave the work to that one; if it should not run, stop it and start this one again."
    )


def _thinnable(look: Transaction, keep: int) -> list[Checkpoint]:
    resume = versions.resume_point(look)
    own = set() if resume is None else {resume.serial}
    held = [c for c in versions.find(look, ~_CHECKPOINTS.c.thinned) if c.serial not in own]
    if not held:  # as at the start of every model: each of the queries below takes a millisecond
        return []
    needed = _needed_versions(look, keep) | ledger.chosen(look)
    kept = adoptions.checkpoints(look) | versions.beginnings(look, needed)
    return [c for c in held if c.version not in needed and c.serial not in kept]


def _needed_versions(look: Transaction, keep: int) -> set[int]:
    now = serving.read(look)
    named = (now.latest, now.serving, serving.learners_best(look))
    pointed = {number for number in named if number is not None}
    number, backfilled = _CHECKPOINTS.c.version, _CHECKPOINTS.c.epoch.is_(None)
    candidate = backfilled & (_CHECKPOINTS.c.state == "candidate")
    for kind in (candidate, ~candidate):
        numbered = (_CHECKPOINTS.c.model == look.model) & number.is_not(None) & kind
        newest = select(number).where(numbered).order_by(number.desc()).limit(keep)
        pointed |= set(look.connection.scalars(newest))
    return pointed | versions.parents(look) | states.tips(look)
