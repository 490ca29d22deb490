"""Rollbacks of the learner: asked for as serving moves, claimed once, done with a version."""

from __future__ import annotations

from typing import Any

import pytest

from learners.registry import Registry
from learners.registry.errors import (
    AdoptionWithdrawnError,
    RollbackClaimedError,
    RollbackRefusedError,
    RollbackUnderWayError,
    UnknownRollbackError,
    UnservableVersionError,
)
from learners.registry.requests.rollback import adoption_by
from learners.registry.row_types import Fixed, Lineage, Pointers, Rollback
from learners.registry.serving import Moving
from tests.support.learning.registry_samples import (
    HELD,
    LEARNER,
    START,
    Writer,
    a_backfill,
    a_commit,
    a_lineage,
)


@pytest.fixture
def writer(registry: Registry) -> Writer:
    """A learner with three versions."""
    found = Writer(registry)
    found.versions(3)
    return found


def asked(registry: Registry, version: int = 1, reason: str = "poison") -> Rollback:
    """A rollback to a version."""
    found = registry.rollbacks.ask(version, "resume", reason, "ann").rollback
    assert found is not None
    return found


def claim(registry: Registry, writer: Writer, rollback: Rollback) -> Lineage:
    """Have the learner claim it."""
    point = registry.versions.resume_point()
    assert point is not None
    adoption = adoption_by(rollback, point.serial)
    begun = a_lineage(registry, writer.epoch, rollback.version, adoption=adoption)
    writer.lineage = begun.serial
    return begun


def test_serving_moves_with_the_asking(registry: Registry, writer: Writer) -> None:
    """One transaction pins the version, tells the ledger, and has the learner go back."""
    del writer
    found = registry.rollbacks.ask(1, "resume", "poison", "ann")
    assert found == Pointers(3, 1, pinned=True)
    assert registry.serving.pointers() == found
    assert found.rollback == registry.rollbacks.asked() == registry.rollbacks.find(1)
    assert found.rollback is not None
    assert (found.rollback.state, found.rollback.version) == ("asked", 1)
    entry = registry.ledger.entries()[-1]
    assert (entry.action, entry.reason, entry.actor) == ("rollback", "poison", "ann")
    assert (entry.seq, entry.detail["learner"]) == (found.rollback.pin, "resume")


def test_a_claimed_rollback_begins_a_lineage_and_is_done_with_its_version(
    registry: Registry, writer: Writer
) -> None:
    """The version is served, and the learner followed again; the ledger has each step."""
    rollback = asked(registry)
    begun = claim(registry, writer, rollback)
    claimed = registry.rollbacks.find(1)
    assert (claimed.state, claimed.lineage) == ("claimed", begun.serial)
    assert registry.rollbacks.asked() is None
    assert registry.rollbacks.under_way() == claimed == registry.rollbacks.of_lineage(begun.serial)
    taken = registry.adoptions.of_lineage(begun.serial)
    assert taken is not None
    assert (taken.version, taken.kind, taken.state) == (1, "resume", "done")
    assert registry.serving.pointers() == Pointers(1, 1, pinned=True)
    made = writer.commit()
    done = registry.rollbacks.find(1)
    assert (done.state, done.made, done.words) == ("done", made.version, "")
    assert done.ended_at is not None
    assert registry.rollbacks.under_way() is None
    assert made.pointers == Pointers(made.version, made.version, pinned=False)
    assert writer.commit().pointers.serving == 5
    lines = [(e.action, e.detail.get("rollback")) for e in registry.ledger.entries()[-4:]]
    assert lines == [("rollback", None), ("resume", 1), ("publish", 1), ("publish", None)]


def test_a_checkpoint_that_is_no_version_ends_nothing(registry: Registry, writer: Writer) -> None:
    """Only a version is what the rollback is done with."""
    claim(registry, writer, asked(registry))
    writer.commit(learned=False)
    assert registry.rollbacks.find(1).state == "claimed"


@pytest.mark.parametrize("act", ["keep", "promote", "unpin and keep"])
def test_whoever_moves_serving_meanwhile_is_not_overruled(
    registry: Registry, writer: Writer, act: str
) -> None:
    """Its pin is not the rollback's: the learner goes back, and serving stays."""
    rollback = asked(registry)
    if "unpin" in act:
        registry.serving.unpin("look", "bob")
    registry.serving.pin("promote" if act == "promote" else "rollback", 2, "this one", "bob")
    claim(registry, writer, rollback)
    made = writer.commit()
    assert made.pointers == Pointers(made.version, 2, pinned=True)
    assert registry.rollbacks.find(1).state == "done"


def test_a_version_that_is_held_back_is_not_served_but_the_pin_ends(
    registry: Registry, writer: Writer
) -> None:
    """What was gone back to is served until a version passes."""
    claim(registry, writer, asked(registry))
    assert writer.commit(HELD).pointers == Pointers(4, 1, pinned=False)
    assert writer.commit().pointers == Pointers(5, 5, pinned=False)


def test_the_same_again_is_one(registry: Registry, writer: Writer) -> None:
    """While it is under way, and after it while nothing more was learned."""
    first = asked(registry)
    again = registry.rollbacks.ask(1, "resume", "poison, I say", "bob")
    assert again.unchanged
    assert again.rollback is not None
    assert (again.rollback.number, again.rollback.pin) == (1, first.pin + 1)
    claim(registry, writer, again.rollback)
    assert registry.rollbacks.ask(1, "resume", "poison", "ann").unchanged
    writer.commit()
    done = registry.rollbacks.ask(1, "resume", "poison", "ann")
    assert (done.unchanged, done.serving, done.pinned) == (True, 4, False)
    assert len(registry.rollbacks.all()) == 1
    writer.commit()
    assert asked(registry).number == 2


def test_the_same_again_serves_it_again(registry: Registry, writer: Writer) -> None:
    """Somebody had moved serving meanwhile: now the rollback's pin holds, and ends with it."""
    asked(registry)
    registry.serving.pin("rollback", 2, "this one", "bob")
    again = registry.rollbacks.ask(1, "resume", "poison", "ann")
    assert (again.serving, again.unchanged) == (1, False)
    claim(registry, writer, registry.rollbacks.find(1))
    assert writer.commit().pointers.serving == 4


def test_another_is_refused_and_names_the_first(registry: Registry, writer: Writer) -> None:
    """Nothing is changed by it."""
    asked(registry, 1, "poison at noon")
    before = registry.serving.pointers(), registry.ledger.entries()
    with pytest.raises(RollbackUnderWayError, match=r"Rollback 1.*version 1.*ann: poison at noon"):
        asked(registry, 2)
    assert (registry.serving.pointers(), registry.ledger.entries()) == before
    claim(registry, writer, registry.rollbacks.find(1))
    with pytest.raises(RollbackUnderWayError, match="is claimed"):
        asked(registry, 2)


def test_a_cancelled_one_is_not_claimed(registry: Registry, writer: Writer) -> None:
    """What is served stays; cancelled twice is once; the ledger says who and why."""
    rollback = asked(registry)
    ended = registry.rollbacks.cancel(1, "no poison", "bob")
    assert (ended.state, ended.words) == ("cancelled", "no poison")
    assert registry.rollbacks.cancel(1, "again", "bob") == ended
    entry = registry.ledger.entries()[-1]
    assert (entry.action, entry.actor, entry.detail["rollback"]) == ("cancel", "bob", 1)
    assert registry.serving.pointers() == Pointers(3, 1, pinned=True)
    before = registry.versions.live_lineage()
    with pytest.raises(AdoptionWithdrawnError, match="cancelled meanwhile"):
        claim(registry, writer, rollback)
    assert registry.versions.live_lineage() == before


def test_a_claimed_one_cannot_be_cancelled(registry: Registry, writer: Writer) -> None:
    """Nor one that is done, nor one that there is not."""
    claim(registry, writer, asked(registry))
    with pytest.raises(RollbackClaimedError, match="it is claimed"):
        registry.rollbacks.cancel(1, "too late", "bob")
    writer.commit()
    with pytest.raises(RollbackClaimedError, match="it is done"):
        registry.rollbacks.cancel(1, "too late", "bob")
    with pytest.raises(UnknownRollbackError, match="no rollback 2; its last is 1"):
        registry.rollbacks.cancel(2, "which", "bob")


def test_what_fails_says_why(registry: Registry, writer: Writer) -> None:
    """The learner goes on as before; another rollback can be asked for."""
    del writer
    registry.rollbacks.fail(asked(registry), "its files are gone", "learner")
    found = registry.rollbacks.find(1)
    assert (found.state, found.words) == ("failed", "its files are gone")
    assert registry.ledger.entries()[-1].action == "fail"
    assert registry.rollbacks.to_tell() == found
    registry.serving.pin("rollback", 2, "this one", "bob")
    assert registry.rollbacks.to_tell() is None, "somebody has chosen since"
    assert asked(registry, 2).number == 2


def test_what_does_not_fit_the_learner_is_refused(registry: Registry, writer: Writer) -> None:
    """Another schema, or arguments; the newest that fits is named; how labels join is no matter."""
    before = registry.serving.pointers(), registry.ledger.entries()
    others: tuple[tuple[dict[str, Any], str], ...] = (
        (LEARNER, "other"),
        ({**LEARNER, "kind": "river"}, "schema"),
    )
    for learner, schema in others:
        writer.lineage = begun(registry, writer, learner, schema)
        with pytest.raises(RollbackRefusedError, match="another schema or with other arguments"):
            asked(registry, 1)
    assert (registry.serving.pointers(), registry.ledger.entries()) == before
    writer.lineage = begun(registry, writer, {**LEARNER, "late_labels": {"wait": 7}}, "schema")
    assert asked(registry, 1).version == 1


def begun(registry: Registry, writer: Writer, learner: dict[str, Any], schema: str) -> int:
    """A live lineage of this kind; its number."""
    return registry.writer.begin_lineage(
        writer.epoch,
        parent_version=None,
        origin="learn",
        fixed=Fixed(learner, schema),
        start=START,
    ).serial


def test_without_a_learner_there_is_nothing_to_take_back(registry: Registry) -> None:
    """A candidate of a backfill may be there before any learner."""
    lineage = a_lineage(registry, None).serial
    candidate = registry.writer.add_candidate(a_commit(lineage))
    registry.serving.pin("promote", candidate, "first", "ann")
    with pytest.raises(RollbackRefusedError, match="No learner"):
        asked(registry, candidate)


def test_a_candidate_that_was_never_served_is_refused(registry: Registry, writer: Writer) -> None:
    """As by a rollback that the learner does not follow."""
    del writer
    candidate = a_backfill(registry)
    with pytest.raises(UnservableVersionError, match="never served"):
        asked(registry, candidate)


def test_a_promotion_that_waits_is_withdrawn_and_a_later_one_waits(
    registry: Registry, writer: Writer
) -> None:
    """The last word counts: what was promoted before a rollback is not taken after it."""
    candidate = a_backfill(registry)
    registry.serving.pin("promote", candidate, "better", "ann", Moving(follow=True))
    rollback = asked(registry)
    assert registry.adoptions.pending() is None
    assert registry.ledger.entries()[-1].detail["withdrawn"] == candidate
    registry.serving.pin("promote", candidate, "after all", "ann", Moving(follow=True))
    claim(registry, writer, rollback)
    assert writer.commit().pointers.serving == candidate, "what was promoted is taken next"
    waits = registry.adoptions.pending()
    assert waits is not None
    assert waits.version == candidate


def test_what_it_needs_is_never_thinned(registry: Registry, writer: Writer) -> None:
    """The version gone back to, and the checkpoint whose joins went on."""
    rollback = asked(registry)
    point = registry.versions.resume_point()
    assert point is not None
    claim(registry, writer, rollback)
    writer.versions(3)
    left = {found.serial for found in registry.writer.thinnable(1)}
    assert point.serial not in left
    version = registry.versions.find(1)
    assert version.serial not in left
