"""Replays as the registry keeps them: refused before anything moves, done once caught up."""

from __future__ import annotations

import pytest

from learners.registry import Registry
from learners.registry.errors import RollbackRefusedError, RollbackUnderWayError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip, adoption_by
from learners.registry.row_types import Pointers, Rollback, Start
from tests.support.learning.registry_samples import HELD, OF_A_FILE, Writer, a_backfill, a_lineage

POISON = OffsetRanges.parse("m.events:0:15-17")
MORE = Skip({}, OffsetRanges.parse("m.events:0:40-41"))
SKIP = Skip({"skip": ["m.events:0:15-17"]}, POISON)


def at(offset: int) -> Start:
    """A place in the log."""
    return Start({"m.events": {0: offset}, "m.labels": {0: 2}}, {"m.events": "A"}, 5)


@pytest.fixture
def writer(registry: Registry) -> Writer:
    """A learner with a version every ten records; the second has read the poison."""
    found = Writer(registry)
    for offset in (10, 20, 30):
        found.commit(start=at(offset))
    return found


def asked(registry: Registry, version: int, how: Replay) -> Rollback:
    """A replay from a version's place."""
    found = registry.rollbacks.ask(version, how, "poison", "ann").rollback
    assert found is not None
    return found


def claim(registry: Registry, writer: Writer, rollback: Rollback) -> None:
    """Have the learner begin to read again, up to where it is."""
    ready = rollback._replace(tip=3, until=at(30).positions)
    adoption, left_out = adoption_by(ready, None), rollback.quarantined
    begun = a_lineage(
        registry, writer.epoch, rollback.version, adoption=adoption, quarantined=left_out
    )
    writer.lineage = begun.serial


def test_it_is_done_once_it_has_caught_up(registry: Registry, writer: Writer) -> None:
    """Until then what it went back to is served, even if somebody unpins."""
    rollback = asked(registry, 1, Replay(SKIP))
    assert OffsetRanges.from_json(rollback.quarantined) == POISON == registry.quarantines.held()
    assert (rollback.quarantine, rollback.learner) == (1, "replay")
    claim(registry, writer, rollback)
    registry.rollbacks.replaying(1)
    assert writer.commit(start=at(20)).pointers == Pointers(4, 1, pinned=True)
    assert registry.rollbacks.find(1).state == "replaying"
    assert writer.commit(start=at(30)).pointers == Pointers(5, 5, pinned=False)
    done = registry.rollbacks.find(1)
    assert (done.state, done.made, done.tip) == ("done", 5, 3)
    live = registry.versions.live_lineage()
    assert live is not None
    assert OffsetRanges.from_json(live.quarantined) == POISON


def test_what_is_made_on_the_way_is_followed_by_nobody(registry: Registry, writer: Writer) -> None:
    """Whoever unpins meanwhile is served the version gone back to, and the end of it."""
    claim(registry, writer, asked(registry, 1, Replay(SKIP)))
    writer.commit(start=at(20))
    assert registry.serving.unpin("look", "bob") == Pointers(4, 1, pinned=False)
    assert writer.commit(start=at(25)).pointers.serving == 1
    assert writer.commit(start=at(30)).pointers.serving == 6


def test_a_version_that_has_read_it_is_refused(registry: Registry, writer: Writer) -> None:
    """With the newest that has not; nothing moves, and nothing is put into quarantine."""
    with pytest.raises(RollbackRefusedError, match=r"15-17.*newest version .* is 1\."):
        registry.rollbacks.ask(2, Replay(SKIP), "poison", "ann")
    assert registry.serving.pointers() == Pointers(3, 3, pinned=False)
    assert registry.quarantines.all() == []
    assert registry.rollbacks.all() == []
    registry.quarantines.add(*SKIP, "poison", "ann")
    with pytest.raises(RollbackRefusedError, match="quarantine"):
        registry.rollbacks.ask(2, "resume", "poison", "ann")


def test_where_no_version_would_do_the_way_out_is_named(registry: Registry, writer: Writer) -> None:
    """All have read it: the model is made anew."""
    del writer
    first = Skip({"skip": ["m.events:0:5"]}, OffsetRanges.parse("m.events:0:5"))
    with pytest.raises(RollbackRefusedError, match=r"No version would do.*backfill log --fresh"):
        registry.rollbacks.ask(1, Replay(first), "poison", "ann")


def test_a_version_of_a_lineage_that_left_it_out_is_clean(
    registry: Registry, writer: Writer
) -> None:
    """It has passed the records without learning them."""
    claim(registry, writer, asked(registry, 1, Replay(SKIP)))
    writer.commit(start=at(30))
    assert asked(registry, 4, Replay()).version == 4


def test_a_file_has_no_place_in_the_log(registry: Registry, writer: Writer) -> None:
    """What cannot be read on from is refused."""
    del writer
    version = a_backfill(registry, start=OF_A_FILE)
    registry.serving.pin("promote", version, "try", "ann")
    with pytest.raises(RollbackRefusedError, match="no place in the log"):
        registry.rollbacks.ask(version, Replay(), "poison", "ann")


def test_one_at_a_time_and_the_same_twice_is_one(registry: Registry, writer: Writer) -> None:
    """Another replay names the first; the same is the same."""
    first = asked(registry, 1, Replay(SKIP))
    assert asked(registry, 1, Replay(SKIP)).number == first.number
    with pytest.raises(RollbackUnderWayError, match=r"Rollback 1.*--cancel 1"):
        registry.rollbacks.ask(1, Replay(MORE), "x", "bob")
    claim(registry, writer, first)
    with pytest.raises(RollbackUnderWayError, match="--instead"):
        registry.rollbacks.ask(1, "resume", "x", "bob")


@pytest.mark.parametrize("caught_up", [False, True])
def test_a_wrong_one_is_undone(registry: Registry, writer: Writer, caught_up: bool) -> None:
    """It ends if it is under way, what it put aside is released, and the tip is gone back to."""
    writer.commit(HELD, start=at(30))
    first = asked(registry, 1, Replay(SKIP))
    claim(registry, writer, first._replace(tip=4))
    registry.quarantines.add({}, OffsetRanges.parse("m.events:0:90-91"), "another", "ann")
    if caught_up:
        writer.commit(start=at(30))
    undoing = asked(registry, 3, Replay(instead=True))
    assert (undoing.undoes, undoing.version, undoing.state) == (1, 3, "asked")
    assert registry.rollbacks.find(1).state == ("done" if caught_up else "cancelled")
    assert str(registry.quarantines.held()) == "m.events:0:90-91"
    assert asked(registry, 3, Replay(instead=True)).number == undoing.number


def test_what_is_not_undone_after_all_is_in_quarantine_again(
    registry: Registry, writer: Writer
) -> None:
    """Or the next replay would learn what the last one left out."""
    claim(registry, writer, asked(registry, 1, Replay(SKIP)))
    writer.commit(start=at(30))
    undoing = asked(registry, 3, Replay(instead=True))
    assert not registry.quarantines.held()
    registry.rollbacks.cancel(undoing.number, "it was right", "bob")
    assert registry.quarantines.held() == POISON
    assert [found.number for found in registry.quarantines.all()] == [1, 2]


def test_there_has_to_be_one_to_undo(registry: Registry, writer: Writer) -> None:
    """Nothing is guessed."""
    del writer
    with pytest.raises(RollbackRefusedError, match="no replay to undo"):
        registry.rollbacks.ask(1, Replay(instead=True), "x", "ann")


def test_the_tip_keeps_its_files(registry: Registry, writer: Writer) -> None:
    """Or a wrong replay could not be undone."""
    claim(registry, writer, asked(registry, 1, Replay(SKIP)))
    for _ in range(5):
        writer.commit(start=at(30))
    thin = {found.version for found in registry.writer.thinnable(1)}
    assert 2 in thin
    assert 3 not in thin
