"""The registry as everyone sees it: one transaction a method, nothing left half done.

The learner process commits its checkpoints here, the commands and the HTTP side move what is
served, every server asks five times a second what to serve, and nobody else opens the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from converters.errors import UsageError
from learners.registry import commits, ledger, lineages, serving, thinning, versions, writer
from learners.registry.database import Database
from learners.registry.errors import UnservableVersionError
from learners.registry.records import (
    Checkpoint,
    Commit,
    Committed,
    Entry,
    Json,
    Lineage,
    Pointers,
    Start,
    Status,
    Version,
    utc_now,
)
from learners.registry.repeated_requests import Posts


class Registry:
    """The versions of one model; safe to share between threads, not between forks.

    Every method raises :class:`RegistryError` when the database fails, and
    :class:`RegistryUnavailableError`, one of its kind, when trying again may help. A change that
    raises has changed nothing.
    """

    def __init__(self, url: str, model: str, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = Database(url, model, clock)
        self.posts = Posts(self._database)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._database.close()

    def begin_epoch(self, owner: str) -> int:
        """Become the one writer; ``owner`` says who, for those who are refused later."""
        with self._database.write() as change:
            return writer.begin(change, owner)

    def check_epoch(self, epoch: int) -> None:
        """Raise :class:`SupersededError` when another learner has taken over."""
        with self._database.read() as look:
            writer.check(look, epoch)

    def heartbeat(self, epoch: int, status: Json) -> None:
        """Say that the writer lives and how it does; raises as :meth:`check_epoch`."""
        with self._database.write() as change:
            writer.beat(change, epoch, status)

    def status(self) -> Status | None:
        """The writer's last heartbeat; None before the first writer."""
        with self._database.read() as look:
            return writer.status(look)

    def begin_lineage(
        self,
        epoch: int | None,
        *,
        parent_version: int | None,
        origin: str,
        learner: Json,
        schema_hash: str,
        start: Start,
        after: int = 0,
    ) -> Lineage:
        """Begin a chain of versions, from a version's weights or from nothing.

        With an epoch it becomes the one that the learner works on; without, it is a backfill's.
        Its number is above ``after``.

        Raises:
            SupersededError: the epoch is not the newest.
            UnknownVersionError: there is no such parent.
        """
        with self._database.write() as change:
            if epoch is not None:
                writer.check(change, epoch)
            if parent_version is not None:
                versions.version(change, parent_version)
            serial = lineages.next_serial(change, after)
            made = (parent_version, origin, learner, schema_hash, start, epoch, change.now)
            lineage = Lineage(serial, *made)
            lineages.add(change, lineage)
            if epoch is not None:
                lineages.make_live(change, lineage)
            return lineage

    def live_lineage(self) -> Lineage | None:
        """The lineage that the learner works on, if it ever began one."""
        with self._database.read() as look:
            return lineages.find(look, lineages.live_serial(look))

    def lineage(self, serial: int) -> Lineage | None:
        """The lineage of this number; None if there is none."""
        with self._database.read() as look:
            return lineages.find(look, serial)

    def commit(self, epoch: int, commit: Commit) -> Committed:
        """The commit point: checkpoint, version, ``latest``, verdict, ``serving``: all or nothing.

        The same folder committed again, as after an answer that was lost, changes nothing.

        Raises:
            SupersededError: the epoch is not the newest.
        """
        with self._database.write() as change:
            return commits.commit(change, epoch, commit)

    def add_candidate(self, commit: Commit) -> int:
        """A backfill's version: listed, served only once someone promotes it; its number."""
        with self._database.write() as change:
            return commits.add_candidate(change, commit)

    def resume_point(self) -> Checkpoint | None:
        """The newest whole checkpoint of the live lineage; None: begin at the lineage's start."""
        with self._database.read() as look:
            return versions.resume_point(look)

    def versions(self, limit: int | None = None) -> list[Version]:
        """The versions, or the newest ``limit`` of them; the newest last."""
        with self._database.read() as look:
            return versions.versions(look, limit)

    def version(self, number: int) -> Version:
        """One version; raises :class:`UnknownVersionError`, which lists what there is."""
        with self._database.read() as look:
            return versions.version(look, number)

    def pointers(self) -> Pointers:
        """What is the latest, what is to be served, and is it pinned."""
        with self._database.read() as look:
            return serving.read(look)

    def serve_version(
        self,
        action: Literal["promote", "rollback"],
        version: int,
        reason: str,
        actor: str,
        schema_hash: str | None = None,
    ) -> Pointers:
        """Serve a version and pin it; the same asked twice is done once.

        Args:
            action: the ledger's word for it.
            version: its number.
            reason: why.
            actor: who asks.
            schema_hash: of the schema that servers work by; another's version is refused.

        Raises:
            UnknownVersionError: there is no such version.
            UnservableVersionError: it was refused, its files are gone, or its schema is another.
            UsageError: no reason was given.
        """
        _check_reason(reason)
        with self._database.write() as change:
            wanted = versions.version(change, version)
            if schema_hash not in (None, wanted.schema_hash):
                raise UnservableVersionError(
                    f"Version {version} was learned under another schema than the config's: other "
                    "columns, labels or interactions. No server with this config could serve it. "
                    "Nothing was moved. Serve it with the config it was made with."
                )
            return serving.serve(change, action, wanted, reason, actor)

    def unpin(self, reason: str, actor: str) -> Pointers:
        """Serve the learner's newest good version, and follow the learner again."""
        _check_reason(reason)
        with self._database.write() as change:
            return serving.unpin(change, reason, actor)

    def mark_refused(self, version: int, reason: str, actor: str) -> Pointers:
        """A version found corrupt: never served or resumed from again; another takes its place."""
        _check_reason(reason)
        with self._database.write() as change:
            return serving.refuse(change, versions.version(change, version), reason, actor)

    def mark_broken(self, checkpoint: Checkpoint, reason: str, actor: str) -> Pointers:
        """The same for a checkpoint that may have no version number."""
        _check_reason(reason)
        with self._database.write() as change:
            return serving.refuse(change, checkpoint, reason, actor)

    def ledger(self, limit: int | None = None) -> list[Entry]:
        """Every entry of the ledger, or the newest ``limit`` of them; the oldest first."""
        with self._database.read() as look:
            return ledger.entries(look, limit)

    def served_at(self, moment: datetime) -> int | None:
        """The version that was served at a moment."""
        with self._database.read() as look:
            return ledger.served_at(look, moment)

    def thinnable(self, keep: int) -> list[Checkpoint]:
        """The checkpoints whose folders may go when the newest ``keep`` versions are kept."""
        with self._database.read() as look:
            return thinning.thinnable(look, keep)

    def mark_thinned(self, given: Iterable[Checkpoint]) -> list[Checkpoint]:
        """Give these up; returns those that nothing has come to need: delete their folders."""
        with self._database.write() as change:
            return thinning.mark(change, given)

    def named_folders(self) -> set[str]:
        """The snapshot folders that must stay; every other one is an orphan."""
        with self._database.read() as look:
            return versions.folders(look)


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise UsageError("Say why: the ledger keeps a reason for every move (--reason TEXT).")
