"""Which snapshots may go: everything that someone may still need stays."""

from __future__ import annotations

from learners.registry import Registry
from tests.support.learning.registry_samples import (
    BAD,
    OF_A_FILE,
    Writer,
    a_backfill,
    a_commit,
    a_lineage,
)


def thinnable(registry: Registry, keep: int) -> list[int | None]:
    """The version numbers of what may go."""
    return [found.version for found in registry.writer.thinnable(keep)]


def test_the_newest_and_the_chosen_stay(registry: Registry) -> None:
    """All but the newest go, also those served by following; what someone chose to serve stays."""
    writer = Writer(registry)
    writer.versions(2)
    registry.serving.pin("promote", 2, "stay", "ann")
    writer.versions(6)
    assert thinnable(registry, keep=3) == [1, 3, 4, 5]
    assert thinnable(registry, keep=8) == []
    assert thinnable(registry, keep=0) == [1, 3, 4, 5, 6, 7]
    registry.serving.pin("rollback", 5, "better", "ann")
    assert thinnable(registry, keep=0) == [1, 3, 4, 6, 7]


def test_numberless_checkpoints_go_once_a_newer_one_can_be_resumed_from(registry: Registry) -> None:
    """Only the newest checkpoint of the live lineage is needed, numbered or not."""
    writer = Writer(registry)
    old = writer.commit(learned=False).checkpoint
    new = writer.commit(learned=False).checkpoint
    assert [found.serial for found in registry.writer.thinnable(20)] == [old]
    assert new == old + 1


def test_what_a_lineage_began_with_stays(registry: Registry) -> None:
    """A version that some lineage began with is needed to fold that lineage's journal again."""
    writer = Writer(registry)
    writer.commit()
    registry.serving.pin("promote", 1, "stay", "ann")
    writer.versions(5)
    a_lineage(registry, None, parent=3)
    assert thinnable(registry, keep=1) == [2, 4, 5]


def test_a_learner_does_not_push_out_a_candidate(registry: Registry) -> None:
    """Candidates are counted apart, so that there is time to promote one."""
    writer = Writer(registry)
    lineage = a_lineage(registry, None).serial
    for _ in range(3):
        registry.writer.add_candidate(a_commit(lineage))
    for _ in range(5):
        writer.commit(BAD)
    assert thinnable(registry, keep=2) == [1, 4, 5, 6]


def test_what_is_to_be_adopted_stays_and_so_does_what_it_is_put_into(registry: Registry) -> None:
    """The version, and the live checkpoint whose joins and positions are taken."""
    writer = Writer(registry)
    writer.commit()
    candidate = a_backfill(registry, OF_A_FILE)
    registry.serving.pin("promote", candidate, "better", "ann")
    registry.serving.unpin("follow", "ann")
    writer.commit()
    live = writer.commit(learned=False).checkpoint
    assert thinnable(registry, keep=0) == [1]
    asked = registry.adoptions.pending()
    assert asked
    taken = asked._replace(checkpoint=live)
    writer.lineage = a_lineage(registry, writer.epoch, candidate, adoption=taken).serial
    writer.versions(3)
    assert thinnable(registry, keep=0) == [1, 3, 4, 5]


def test_what_is_pinned_in_place_of_a_corrupt_version_stays(registry: Registry) -> None:
    """It was served by nobody's choice, but is what was measured while it was pinned."""
    writer = Writer(registry)
    writer.versions(3)
    registry.serving.pin("promote", 3, "stay", "ann")
    registry.serving.refuse(registry.versions.find(3), "disk", "server")
    writer.versions(3)
    registry.serving.unpin("follow", "ann")
    assert thinnable(registry, keep=0) == [1, 4, 5]


def test_thinned_versions_stay_listed(registry: Registry) -> None:
    """Their rows say thinned, their folders are named no more, and the ledger tells it once."""
    writer = Writer(registry)
    writer.commit()
    for _ in range(4):
        writer.commit(BAD)
    gone = registry.writer.mark_thinned(registry.writer.thinnable(2))
    assert [found.version for found in gone] == [2, 3]
    assert [found.state for found in registry.versions.all()] == [
        *("verified", "thinned", "thinned", "refused", "refused")
    ]
    assert registry.versions.folders().isdisjoint({found.snapshot.folder for found in gone})
    assert len(registry.versions.folders()) == 3
    entry = registry.ledger.entries()[-1]
    assert (entry.action, entry.detail["versions"]) == ("thin", [2, 3])
    assert (entry.from_version, entry.to_version) == (1, 1)
    assert registry.writer.mark_thinned(gone) == []
    assert registry.ledger.entries()[-1] == entry


def test_a_thinned_checkpoint_is_not_resumed_from(registry: Registry) -> None:
    """When the newest is found broken, the next one that still has its files is taken."""
    writer = Writer(registry)
    for flag in (True, False, False):
        writer.commit(learned=flag)
    registry.writer.mark_thinned(registry.writer.thinnable(20))
    broken = registry.versions.resume_point()
    assert broken is not None
    registry.serving.refuse(broken, "cut short", "learner")
    point = registry.versions.resume_point()
    assert point is not None
    assert (broken.serial, point.serial) == (3, 1)


def test_the_latest_stays_even_when_nothing_else_keeps_it(registry: Registry) -> None:
    """A refused version can be the latest, and stays while the learner is on a lineage anew."""
    writer = Writer(registry)
    for _ in range(3):
        writer.commit(BAD)
    a_lineage(registry, writer.epoch)
    assert registry.versions.resume_point() is None
    assert thinnable(registry, keep=0) == [1, 2]


def test_what_came_to_be_needed_meanwhile_is_not_thinned(registry: Registry) -> None:
    """A version that someone rolled back to after the look stays."""
    writer = Writer(registry)
    writer.commit()
    registry.serving.pin("promote", 1, "stay", "ann")
    writer.versions(4)
    found = registry.writer.thinnable(1)
    registry.serving.pin("rollback", 3, "better", "ann")
    assert [gone.version for gone in registry.writer.mark_thinned(found)] == [2, 4]
    assert registry.versions.find(3).state == "verified"
