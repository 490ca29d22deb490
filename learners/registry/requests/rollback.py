"""Rollbacks of the learner: asked for by a person, claimed by the learner, done with a version.

Serving moves when one is asked for, in the same transaction. From the moment the learner claims
it, which begins a lineage, it cannot be cancelled: a start that finds it claimed finishes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from learners.registry import ledger, serving, versions
from learners.registry.actor import Actor
from learners.registry.database import Part, Transaction
from learners.registry.errors import (
    RollbackClaimedError,
    RollbackRefusedError,
    RollbackUnderWayError,
)
from learners.registry.requests import adoptions, quarantine, states, suitable
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.states import ASKED, CANCELLED, CLAIMED, DONE, FAILED, REPLAYING
from learners.registry.row_types import Adoption, Json, Pointers, Rollback, Version

# What to do where one can no longer be cancelled.
_ADVICE = {
    CLAIMED: "Once it is done, have the learner go back to another version.",
    REPLAYING: (
        "Another replay can take its place: 'freshet rollback VERSION --learner replay --instead'."
    ),
    DONE: "Have the learner go back to another version.",
    FAILED: "The learner has gone on as before.",
}


class Skip(NamedTuple):
    """Records that a replay is to leave out: as they were asked for, and what that was then."""

    asked: Json
    held: OffsetRanges


class Replay(NamedTuple):
    """How the learner goes back with the log read again.

    Attributes:
        skip: put into quarantine with it, if anything.
        instead: whether it takes the place of the last replay, which is undone: it ends if it is
            under way, and what it put into quarantine is released.
        corrected: the corrected rows that it would take now; others than the last one took make
            it another one.
    """

    skip: Skip | None = None
    instead: bool = False
    corrected: Json | None = None


class Rollbacks(Part):
    """The rollbacks of one model's learner."""

    def all(self) -> list[Rollback]:
        """Every one, the oldest first."""
        with self._database.read() as look:
            return states.find(look)

    def find(self, number: int) -> Rollback:
        """The one of this number.

        Raises:
            UnknownRollbackError: there is none.
        """
        with self._database.read() as look:
            return states.numbered(look, number)

    def under_way(self) -> Rollback | None:
        """The one that is asked for, claimed or replaying, if there is one."""
        with self._database.read() as look:
            return states.under_way(look)

    def asked(self) -> Rollback | None:
        """The one that the learner has still to claim, if there is one."""
        found = self.under_way()
        return found if found is not None and found.state == ASKED else None

    def begun(self) -> Rollback | None:
        """The one that the learner has claimed and is not done with: a promotion waits for it."""
        with self._database.read() as look:
            return states.begun(look)

    def to_tell(self) -> Rollback | None:
        """The one that is under way; or the last, if it failed and nobody has chosen since."""
        with self._database.read() as look:
            last = states.find(look)[-1:]
            told = last and (
                last[0].under_way
                or (last[0].state == FAILED and ledger.last_choice(look) == last[0].pin)
            )
            return last[0] if told else None

    def of_lineage(self, lineage: int) -> Rollback | None:
        """The one that began a lineage, if one did."""
        with self._database.read() as look:
            return states.of_lineage(look, lineage)

    def ask(
        self, version: int, how: Literal["resume"] | Replay, reason: str, actor: Actor | str
    ) -> Pointers:
        """Serve a version, and have the learner go back to it.

        What was asked for before, and is under way or was just done, is not asked for again.

        Args:
            version: its number.
            how: with the joins, positions and counts that the learner has; or all of it.
            reason: why.
            actor: who asks.

        Returns:
            The pointers, with the rollback.

        Raises:
            UnknownVersionError: there is no such version.
            UnservableVersionError: it was refused, or its files are gone.
            RollbackRefusedError: the learner could not go back to it.
            RollbackUnderWayError: the learner has still to do another one.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            return _ask(change, version, how, (actor, reason))

    def tried(self, version: int, how: Literal["resume"] | Replay) -> Rollback:
        """The rollback that :meth:`ask` would add, or its errors; nothing is changed."""
        with self._database.write() as change:
            found = _ask(change, version, how, ("nobody", "a try")).rollback
            change.connection.rollback()
        assert found is not None
        return found

    def replayable(self, quarantined: OffsetRanges) -> list[Version]:
        """The versions that the learner could replay from and that have read none of this.

        As far as the registry knows; the newest first.
        """
        with self._database.read() as look:
            return suitable.replayable(look, quarantined)

    def cancel(self, number: int, reason: str, actor: Actor | str) -> Rollback:
        """Have the learner not do what it has not claimed; what is served stays as it is.

        Raises:
            UnknownRollbackError: there is none of this number.
            RollbackClaimedError: it is claimed, done or failed.
        """
        serving.check_reason(reason)
        with self._database.write() as change:
            found = states.numbered(change, number)
            if found.state not in (ASKED, CANCELLED):
                raise RollbackClaimedError(
                    f"Rollback {number} cannot be cancelled: it is {found.state}. Nothing was "
                    f"changed. {_ADVICE[found.state]}"
                )
            if found.state == ASKED and found.undoes is not None:
                _hold_again(change, found.undoes, (actor, reason))
            return _ended(change, found, CANCELLED, (actor, "cancel", reason))

    def fail(self, rollback: Rollback, words: str, actor: Actor | str) -> None:
        """The learner cannot do it, and goes on as before; what is served stays as it is."""
        with self._database.write() as change:
            found = states.numbered(change, rollback.number)
            if found.state == ASKED:
                _ended(change, found, FAILED, (actor, "fail", words))

    def replaying(self, number: int) -> None:
        """The learner has begun to read again."""
        with self._database.write() as change:
            states.replaying(change, number)


def _ask(
    change: Transaction,
    version: int,
    how: Literal["resume"] | Replay,
    who: tuple[Actor | str, str],
) -> Pointers:
    """All of :meth:`Rollbacks.ask` but its reason."""
    wanted = versions.version(change, version)
    serving.check_servable(change, wanted)
    if isinstance(how, Replay):
        more = _of_replay(change, wanted, how, who)
        last = _asked_before(change, wanted, "replay", more, how.corrected)
        return _served(change, wanted, "replay", more, last, who)
    serving.check_served(wanted)
    suitable.check_resumable(change, wanted, quarantine.held_by(change))
    return _served(change, wanted, how, {}, _asked_before(change, wanted, how, {}), who)


def _served(
    change: Transaction,
    wanted: Version,
    learner: str,
    more: Json,
    last: Rollback | None,
    who: tuple[Actor | str, str],
) -> Pointers:
    """Serve the version, and note what is asked of the learner unless it was asked before."""
    before = serving.read(change)
    done = last is not None and last.state == DONE
    # What the learner made of it has taken its place, or soon will.
    after = before if done else replace(before, serving=wanted.version, pinned=True)
    detail: Json = serving.withdraw(change) | {"learner": learner}
    detail |= {name: value for name, value in more.items() if name != "quarantined" and value}
    what = who[0], "rollback", who[1]
    entry = serving.move(change, before, after, what, wanted.version, detail)
    if last is None:
        rollback = states.add(change, wanted.version, learner, entry, more)
    else:
        rollback = last if done else states.pinned_by(change, last, entry)
    return replace(after, unchanged=last is not None and after == before, rollback=rollback)


def _ended(
    change: Transaction, found: Rollback, state: str, what: tuple[Actor | str, str, str]
) -> Rollback:
    if found.state != state:
        now = serving.read(change)
        serving.move(change, now, now, what, found.version, {"rollback": found.number})
        return states.end(change, found.number, state, what[2])
    return found


def _of_replay(
    change: Transaction, wanted: Version, replay: Replay, who: tuple[Actor | str, str]
) -> Json:
    """What the row of a replay says besides, once all that it asks for is done and checked."""
    undone = _undone(change, wanted, who) if replay.instead else None
    more = _left_out(change, replay, who)
    # The gate may have held back what the learner had come to: it was served to nobody.
    if undone is None or undone.tip != wanted.version:
        serving.check_served(wanted)
    held = quarantine.held_by(change)
    suitable.check_replayable(change, wanted, held)
    return more | {"quarantined": held.to_json(), "undoes": undone and undone.number}


def _undone(change: Transaction, wanted: Version, who: tuple[Actor | str, str]) -> Rollback:
    """The last replay, which ends, and what it put into quarantine is released.

    Raises:
        RollbackRefusedError: there is none.
    """
    every = [found for found in states.find(change) if found.learner == "replay"]
    last = every[-1] if every else None
    if last is None or last.state == FAILED:
        raise RollbackRefusedError(
            "There is no replay to undo: --instead takes the place of the last one. Nothing was "
            "changed."
        )
    if last.undoes is not None and last.version == wanted.version:  # asked for once more
        return states.numbered(change, last.undoes)
    if last.under_way:
        words = f"a replay to version {wanted.version} takes its place: {who[1]}"
        _ended(change, last, CANCELLED, (who[0], "cancel", words))
    if last.quarantine is not None:
        quarantine.remove(change, last.quarantine, who[1], who[0])
    return last


def _hold_again(change: Transaction, undone: int, who: tuple[Actor | str, str]) -> None:
    """A replay is not undone after all: what it put into quarantine is there again."""
    number = states.numbered(change, undone).quarantine
    if number is not None:
        held = quarantine.numbered(change, number)
        quarantine.add(change, held.asked, OffsetRanges.from_json(held.ranges), who[1], who[0])


def _left_out(change: Transaction, replay: Replay, who: tuple[Actor | str, str]) -> Json:
    """What the replay is to skip, in quarantine from now on."""
    if replay.skip is None:
        return {}
    added = quarantine.add(change, *replay.skip, who[1], who[0])
    return {"quarantine": added.number}


def _asked_before(
    look: Transaction, version: Version, learner: str, more: Json, corrected: Json | None = None
) -> Rollback | None:
    """The same rollback if it is under way, or was just done and nothing was learned since.

    Raises:
        RollbackUnderWayError: another one is.
    """
    every, now = states.find(look), serving.read(look)
    last = every[-1] if every else None
    if last is None or not (last.under_way or last.state == DONE):
        return None
    same = (last.version, last.learner) == (version.version, learner)
    same = same and last.quarantined == more.get("quarantined")
    if last.state == DONE:
        kept = last.made == now.latest and now.serving in (last.made, last.version)
        kept = kept and (learner != "replay" or _took(look, last) == _summed(corrected))
        return last if same and kept else None
    if same:
        return last
    if last.state == ASKED:
        help_ = (
            f"cancel it with 'freshet rollbacks --cancel {last.number} --reason TEXT', while the "
            "learner has not begun it"
        )
    else:
        help_ = "or have a replay take its place, with --learner replay --instead"
    raise RollbackUnderWayError(
        f"Rollback {last.number}, which has the learner go back to version {last.version}, is "
        f"{last.state} (by {last.actor}: {last.reason}). Nothing was changed. Wait until it is "
        f"done; {help_}. What is served can be moved meanwhile, by 'rollback --learner keep', "
        "'promote' and 'unpin'."
    )


def _took(look: Transaction, replay: Rollback) -> tuple[int, int] | None:
    """How many corrected rows a replay has taken, and their checksum."""
    lineage = None if replay.lineage is None else versions.lineage(look, replay.lineage)
    return None if lineage is None else _summed(lineage.corrected)


def _summed(corrected: Json | None) -> tuple[int, int] | None:
    return None if corrected is None else (corrected["rows"], corrected["crc32"])


def adoption_by(rollback: Rollback, checkpoint: int | None) -> Adoption:
    """How a lineage takes the version of a rollback: into the joins of a checkpoint, or whole."""
    return Adoption(
        seq=0,
        version=rollback.version,
        kind="whole" if rollback.learner == "replay" else "resume",
        leave_waiting=False,
        at=rollback.at,
        state="pending",
        lineage=None,
        checkpoint=checkpoint,
        rollback=rollback,
    )


def claimed(change: Transaction, rollback: Rollback, adoption: Adoption, lineage: int) -> None:
    """The learner has claimed a rollback: its lineage begins with it.

    Raises:
        AdoptionWithdrawnError: it was cancelled since it was read.
    """
    states.claim(change, rollback, lineage)
    adoptions.note(change, adoption, lineage)
    now, version = serving.read(change), rollback.version
    words = f"lineage {lineage} goes on with what version {version} had learned"
    if rollback.learner == "replay":
        words = f"lineage {lineage} reads the log again from where version {version} was"
    detail = {"lineage": lineage, "rollback": rollback.number}
    serving.move(change, now, now, (rollback.actor, rollback.learner, words), version, detail)
