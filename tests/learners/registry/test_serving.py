"""What is served: how the gate, people and corruption move it."""

from __future__ import annotations

from typing import Literal

import pytest

from converters.errors import UsageError
from learners.registry import Registry
from learners.registry.errors import RegistryError, UnknownVersionError, UnservableVersionError
from learners.registry.row_types import Pointers
from tests.support.learning.registry_samples import (
    BAD,
    Writer,
    a_backfill,
    a_commit,
    a_lineage,
)


def serving(registry: Registry) -> tuple[int | None, bool]:
    """What is served and whether it is pinned."""
    now = registry.serving.pointers()
    return now.serving, now.pinned


def refuse(registry: Registry, number: int, reason: str, actor: str) -> Pointers:
    """A version is found corrupt."""
    return registry.serving.refuse(registry.versions.find(number), reason, actor)


def test_a_good_version_is_served_at_once(registry: Registry) -> None:
    """The commit moves both pointers and leaves one line in the ledger."""
    done = Writer(registry).commit()
    assert done.pointers == registry.serving.pointers() == Pointers(1, 1, pinned=False)
    (entry,) = registry.ledger.entries()
    assert (entry.actor, entry.action) == ("host:1", "publish")
    assert (entry.version, entry.from_version, entry.to_version) == (1, None, 1)


def test_a_refused_version_stays_listed_and_is_not_served(registry: Registry) -> None:
    """The gate's reason is kept with the version and in the ledger; serving stays."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(BAD)
    assert registry.serving.pointers() == Pointers(2, 1, pinned=False)
    found = registry.versions.find(2)
    assert (found.state, found.reason) == ("refused", BAD.reason)
    entry = registry.ledger.entries()[-1]
    assert (entry.action, entry.reason, entry.to_version) == ("refuse", BAD.reason, 1)


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_a_pinned_version_stays_while_the_learner_goes_on(
    registry: Registry, action: Literal["promote", "rollback"]
) -> None:
    """Promotion and rollback pin; commits move only the latest; unpin follows the learner again."""
    writer = Writer(registry)
    writer.versions(3)
    assert registry.serving.pin(action, 2, "a try", "ann") == Pointers(3, 2, pinned=True)
    writer.versions(2)
    assert registry.serving.pointers() == Pointers(5, 2, pinned=True)
    assert registry.serving.unpin("tried", "ann") == Pointers(5, 5, pinned=False)
    moves = [(e.action, e.from_version, e.to_version) for e in registry.ledger.entries()]
    assert moves[3:] == [(action, 3, 2), ("publish", 2, 2), ("publish", 2, 2), ("unpin", 2, 5)]


def test_asking_twice_answers_the_same_and_has_a_line_each(registry: Registry) -> None:
    """Every act of a person is in the ledger with its reason, also where nothing moves."""
    Writer(registry).versions(2)
    said = [registry.serving.pin("rollback", 1, "bad day", "ann") for _ in range(2)]
    said.append(registry.serving.pin("promote", 1, "still", "ben"))
    assert said == [Pointers(2, 1, pinned=True)] * 3
    said += [registry.serving.unpin(reason, "ann") for reason in ("good day", "a better one")]
    assert said[3:] == [Pointers(2, 2, pinned=False)] * 2
    assert [each.unchanged for each in said] == [False, True, True, False, True]
    assert [(entry.action, entry.reason) for entry in registry.ledger.entries()[2:]] == [
        *[("rollback", "bad day")] * 2,
        ("promote", "still"),
        ("unpin", "good day"),
        ("unpin", "a better one"),
    ]


def test_a_version_of_another_schema_is_better_than_none(registry: Registry) -> None:
    """In place of a corrupt version one of its schema is served; without one, any good one."""
    writer = Writer(registry)
    writer.versions(2)
    first = a_backfill(registry, schema_hash="newer")
    second = a_backfill(registry, schema_hash="newer")
    registry.serving.pin("promote", first, "better", "ann")
    registry.serving.pin("promote", second, "better", "ann")
    assert refuse(registry, second, "disk", "server").serving == first
    assert refuse(registry, first, "disk", "server").serving == 2


def test_pinning_what_is_served_is_a_change(registry: Registry) -> None:
    """A promotion of the served version pins it."""
    writer = Writer(registry)
    writer.commit()
    registry.serving.pin("promote", 1, "keep it", "ann")
    writer.commit()
    assert serving(registry) == (1, True)


def test_what_cannot_be_served_is_refused_with_the_reason(registry: Registry) -> None:
    """Refused, thinned and unknown versions raise, each saying which it is; nothing moves."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(BAD)
    registry.serving.pin("promote", 1, "stay", "ann")
    writer.versions(2)
    registry.writer.mark_thinned([registry.versions.find(3)])
    before = (registry.serving.pointers(), registry.ledger.entries())
    with pytest.raises(UnservableVersionError, match="it was refused"):
        registry.serving.pin("promote", 2, "why not", "ann")
    with pytest.raises(UnservableVersionError, match="its files were deleted by retention"):
        registry.serving.pin("rollback", 3, "why not", "ann")
    with pytest.raises(UnknownVersionError, match="has no version 9"):
        registry.serving.pin("rollback", 9, "why not", "ann")
    assert (registry.serving.pointers(), registry.ledger.entries()) == before


def test_every_move_needs_a_reason(registry: Registry) -> None:
    """An empty reason is refused before anything moves."""
    Writer(registry).commit()
    with pytest.raises(UsageError, match="--reason"):
        registry.serving.pin("rollback", 1, " ", "ann")
    with pytest.raises(UsageError, match="--reason"):
        registry.serving.unpin("", "ann")
    with pytest.raises(UsageError, match="--reason"):
        refuse(registry, 1, "\n", "ann")
    assert len(registry.ledger.entries()) == 1


def test_a_candidate_is_served_only_once_promoted(registry: Registry) -> None:
    """A backfill's version moves nothing; promoted, it is a verified version like others."""
    writer = Writer(registry)
    writer.commit()
    lineage = a_lineage(registry, None)
    good, bad = a_commit(lineage.serial), a_commit(lineage.serial, BAD)
    assert (registry.writer.add_candidate(good), registry.writer.add_candidate(bad)) == (2, 3)
    assert registry.writer.add_candidate(good) == 2
    assert registry.serving.pointers() == Pointers(1, 1, pinned=False)
    assert [registry.versions.find(number).state for number in (2, 3)] == ["candidate", "refused"]
    registry.serving.pin("promote", 2, "better", "ann")
    assert registry.versions.find(2).state == "verified"
    with pytest.raises(RegistryError, match="Backfill again"):
        registry.writer.add_candidate(a_commit(99))


def test_unpin_serves_what_the_lineage_began_with_until_it_has_its_own(registry: Registry) -> None:
    """After a promoted backfill the learner's best is the candidate, then its own versions."""
    writer = Writer(registry)
    writer.versions(2)
    candidate = registry.writer.add_candidate(a_commit(a_lineage(registry, None).serial))
    registry.serving.pin("promote", candidate, "better", "ann")
    registry.serving.pin("rollback", 1, "or not", "ann")
    writer.lineage = a_lineage(registry, writer.epoch, parent=candidate).serial
    assert registry.serving.unpin("go on", "ann") == Pointers(candidate, candidate, pinned=False)
    assert writer.commit().pointers == Pointers(4, 4, pinned=False)


def test_unpin_passes_over_refused_versions(registry: Registry) -> None:
    """The learner's newest good version is served, not a refused one after it."""
    writer = Writer(registry)
    writer.versions(2)
    writer.commit(BAD)
    registry.serving.pin("rollback", 1, "try", "ann")
    assert registry.serving.unpin("tried", "ann") == Pointers(3, 2, pinned=False)


def test_a_corrupt_version_gives_way_to_the_one_before(registry: Registry) -> None:
    """Refused after the fact, a served version is replaced by the newest good one before it."""
    writer = Writer(registry)
    writer.versions(3)
    assert refuse(registry, 3, "sha256 of model differs", "server") == Pointers(3, 2, pinned=False)
    entry = registry.ledger.entries()[-1]
    assert (entry.action, entry.version, entry.from_version, entry.to_version) == (
        "refuse",
        3,
        3,
        2,
    )
    assert registry.versions.find(3).state == "refused"
    refuse(registry, 3, "another server saw it too", "server 2")
    assert registry.ledger.entries()[-1] == entry


def test_a_corrupt_pinned_version_does_not_bring_back_what_was_rolled_back(
    registry: Registry,
) -> None:
    """The version before the pinned one takes its place, and the pin stays."""
    writer = Writer(registry)
    writer.versions(5)
    registry.serving.pin("rollback", 3, "4 and 5 saw bad labels", "ann")
    assert refuse(registry, 3, "disk", "server") == Pointers(5, 2, pinned=True)
    refuse(registry, 2, "disk", "server")
    refuse(registry, 1, "disk", "server")
    assert serving(registry) == (5, True)
    refuse(registry, 4, "disk", "server")
    refuse(registry, 5, "disk", "server")
    assert serving(registry) == (None, False)
    assert writer.commit().pointers.serving == 6


def test_a_broken_checkpoint_is_not_resumed_from(registry: Registry) -> None:
    """The learner goes back to the newest whole one; the gate's refusals can be resumed from."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(BAD)
    writer.commit(learned=False)
    point = registry.versions.resume_point()
    assert point is not None
    registry.serving.refuse(point, "cut short", "learner")
    before = registry.versions.resume_point()
    assert before is not None
    assert before.version == 2
    assert registry.ledger.entries()[-1].detail["checkpoint"] == point.serial
    refuse(registry, 2, "cut short", "learner")
    refuse(registry, 1, "cut short", "learner")
    assert registry.versions.resume_point() is None


def test_unpin_keeps_what_is_served_when_the_learner_has_nothing_better(registry: Registry) -> None:
    """On a lineage of its own without a good version yet, serving stays but follows from now on."""
    writer = Writer(registry)
    writer.commit()
    registry.serving.pin("rollback", 1, "try", "ann")
    writer.lineage = a_lineage(registry, writer.epoch).serial
    writer.commit(BAD)
    assert registry.serving.unpin("tried", "ann") == Pointers(2, 1, pinned=False)
    assert writer.commit().pointers.serving == 3
