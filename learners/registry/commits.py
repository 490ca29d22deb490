"""The commit point: the one change by which a checkpoint comes to exist.

The learner process has put its snapshot folder on disk; the row written here names it. A folder
that is committed again, as after an answer that was lost, changes nothing.
"""

from __future__ import annotations

from learners.registry import lineages, serving, versions, writer
from learners.registry.database import Transaction
from learners.registry.errors import RegistryError
from learners.registry.records import Commit, Committed


def commit(change: Transaction, epoch: int, commit: Commit) -> Committed:
    """A checkpoint of the writer's, with version, pointers and ledger where they are due.

    Raises:
        SupersededError: the epoch is not the newest.
        RegistryError: the lineage is not the live one.
    """
    owner = writer.check(change, epoch)
    known = versions.by_folder(change, commit.snapshot.folder)
    if known is not None:
        return Committed(known.serial, known.version, serving.read(change))
    live = lineages.live_serial(change)
    if commit.lineage != live:
        raise RegistryError(
            f"A checkpoint of lineage {commit.lineage} of model {change.model!r} cannot be "
            f"committed: the learner's lineage is {live}. Start the learner again; it goes on "
            "from there."
        )
    state = "verified" if commit.verdict.good else "refused"
    serial, version = versions.add(change, commit, state=state, epoch=epoch)
    if version is None:
        return Committed(serial, None, serving.read(change))
    return Committed(serial, version, serving.publish(change, version, commit.verdict, owner))


def add_candidate(change: Transaction, commit: Commit) -> int:
    """A version that no pointer moves to until someone promotes it; its number.

    Raises:
        RegistryError: there is no such lineage, or nothing was learned.
    """
    known = versions.by_folder(change, commit.snapshot.folder)
    if known is not None and known.version is not None:
        return known.version
    if not commit.learned_something or lineages.find(change, commit.lineage) is None:
        raise RegistryError(
            f"A candidate of lineage {commit.lineage} of model {change.model!r} cannot be listed: "
            "nothing was learned, or the lineage does not exist. Backfill again."
        )
    state = "candidate" if commit.verdict.good else "refused"
    _, version = versions.add(change, commit, state=state, epoch=None)
    assert version is not None
    return version
