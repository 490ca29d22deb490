"""Versions that are held back: listed, not served by themselves, promoted by a person."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from learners.registry import Registry
from learners.registry.row_types import Pointers, Verdict
from tests.support.learning.registry_samples import HELD, Writer, a_commit, a_lineage, registry_at


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry with one version that is served."""
    with registry_at(tmp_path) as opened:
        yield opened


def test_a_held_version_is_a_candidate_with_its_reason_and_serving_stays(
    registry: Registry,
) -> None:
    """Only ``latest`` moves; the ledger says what was held and why."""
    writer = Writer(registry)
    writer.commit()
    assert writer.commit(HELD).pointers == Pointers(2, 1, pinned=False)
    found = registry.versions.find(2)
    assert (found.state, found.reason, found.served) == ("candidate", HELD.reason, False)
    entry = registry.ledger.entries()[-1]
    said = (entry.action, entry.reason, entry.version, entry.from_version, entry.to_version)
    assert said == ("hold", HELD.reason, 2, 1, 1)


def test_the_next_good_version_is_published_by_itself(registry: Registry) -> None:
    """Nobody has to do anything once the learner is good again."""
    writer = Writer(registry)
    for verdict in (Verdict(good=True), HELD, Verdict(good=True)):
        writer.commit(verdict)
    assert registry.serving.pointers() == Pointers(3, 3, pinned=False)
    assert registry.ledger.entries()[-1].action == "publish"


def test_a_held_version_is_promoted_like_any_of_the_learners(registry: Registry) -> None:
    """It is pinned, and the learner, whose own it is, has nothing to adopt."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(HELD)
    assert registry.serving.pin("promote", 2, "a false alarm", "ann") == Pointers(2, 2, pinned=True)
    assert registry.versions.find(2).state == "verified"
    assert registry.adoptions.pending() is None


def test_unpin_serves_no_held_version(registry: Registry) -> None:
    """Neither one that was never promoted, nor one that was rolled back from."""
    writer = Writer(registry)
    writer.versions(2)
    writer.commit(HELD)
    registry.serving.pin("rollback", 1, "bad day", "ann")
    assert registry.serving.unpin("better", "ann") == Pointers(3, 2, pinned=False)
    registry.serving.pin("promote", 3, "a try", "ann")
    registry.serving.pin("rollback", 1, "it was bad", "ann")
    assert registry.serving.unpin("better", "ann") == Pointers(3, 2, pinned=False)


def test_unpin_leaves_a_promoted_one_where_it_is(registry: Registry) -> None:
    """The person who promoted it has not taken that back."""
    writer = Writer(registry)
    writer.commit()
    writer.commit(HELD)
    registry.serving.pin("promote", 2, "a false alarm", "ann")
    assert registry.serving.unpin("go on", "ann") == Pointers(2, 2, pinned=False)


def test_held_versions_push_out_no_backfill_and_not_the_learners_last_good_one(
    registry: Registry,
) -> None:
    """However many are held, what a person may still want keeps its files."""
    writer = Writer(registry)
    writer.versions(2)
    made = registry.writer.add_candidate(a_commit(a_lineage(registry, None).serial))
    registry.serving.pin("rollback", 1, "bad day", "ann")
    for _ in range(4):
        writer.commit(HELD)
    gone = {found.version for found in registry.writer.thinnable(keep=2)}
    assert gone == {4, 5}
    assert made == 3
