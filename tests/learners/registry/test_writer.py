"""The registry's writing side: epochs, lineages, the commit point, and reading it all back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learners.registry import Registry
from learners.registry.errors import RegistryError, SupersededError, UnknownVersionError
from learners.registry.row_types import Commit, Fixed, Pointers, Version
from tests.support.learning.registry_samples import (
    BAD,
    START,
    Clock,
    Writer,
    a_commit,
    a_lineage,
    registry_at,
)


def contents(registry: Registry) -> tuple[object, ...]:
    """What a refused writer must not change."""
    versions, pointers = registry.versions.all(), registry.serving.pointers()
    return versions, pointers, registry.ledger.entries(), registry.versions.live_lineage()


def test_an_epoch_ends_when_the_next_begins(registry: Registry) -> None:
    """Only the newest epoch may write; the older one is told by whom and when it was superseded."""
    first = registry.writer.begin_epoch("host:1")
    registry.writer.check_epoch(first)
    second = registry.writer.begin_epoch("host:2")
    registry.writer.check_epoch(second)
    with pytest.raises(SupersededError, match=r"host:2 took over at 2026-01-01T00:00:0\d") as told:
        registry.writer.check_epoch(first)
    assert "stop it and start this one again" in str(told.value)


def test_a_superseded_commit_changes_nothing(registry: Registry) -> None:
    """A commit, a heartbeat and a lineage of an old epoch raise and leave no trace."""
    writer = Writer(registry)
    writer.commit()
    before = contents(registry)
    registry.writer.begin_epoch("host:2")
    with pytest.raises(SupersededError):
        writer.commit()
    with pytest.raises(SupersededError):
        registry.writer.heartbeat(writer.epoch, {"lag": 1})
    with pytest.raises(SupersededError):
        a_lineage(registry, writer.epoch)
    assert contents(registry) == before
    status = registry.writer.status()
    assert status is not None
    assert (status.owner, status.status) == ("host:2", {})


def test_heartbeats_tell_the_writers_last_word(registry: Registry) -> None:
    """The status is None before any writer, then what the writer said last."""
    assert registry.writer.status() is None
    writer = Writer(registry)
    registry.writer.heartbeat(writer.epoch, {"lag": 3})
    registry.writer.heartbeat(writer.epoch, {"lag": 1})
    status = registry.writer.status()
    assert status is not None
    assert (status.status, status.epoch, status.owner) == ({"lag": 1}, writer.epoch, "host:1")


def test_a_lineage_is_read_back_as_it_was_begun(registry: Registry) -> None:
    """A live lineage can be resumed from before its first checkpoint."""
    assert registry.versions.live_lineage() is None
    begun = a_lineage(registry, registry.writer.begin_epoch("host:1"))
    assert registry.versions.live_lineage() == begun
    assert begun.start == START
    assert registry.versions.resume_point() is None


def test_a_config_keeps_the_order_of_its_columns(registry: Registry) -> None:
    """Columns are read back in their order, which says where a row has their cells."""
    config: dict[str, Any] = {"columns": {"zeta": {}, "alpha": {}, "mid": {}}}
    fixed = Fixed({"kind": "vw", "args": []}, "schema", config)
    begun = registry.writer.begin_lineage(
        None, parent_version=None, origin="backfill", fixed=fixed, start=START
    )
    found = registry.versions.lineage(begun.serial)
    assert found is not None
    assert found.config is not None
    assert list(found.config["columns"]) == ["zeta", "alpha", "mid"]


def test_a_lineage_that_is_not_live_needs_no_epoch(registry: Registry) -> None:
    """A backfill begins a lineage of its own and leaves the live one alone."""
    writer = Writer(registry)
    other = a_lineage(registry, None)
    live = registry.versions.live_lineage()
    assert live is not None
    assert (live.serial, other.epoch) == (writer.lineage, None)
    assert a_lineage(registry, None, after=40).serial == 41


def test_a_lineage_needs_a_parent_that_exists(registry: Registry) -> None:
    """A parent version that is not there is refused."""
    with pytest.raises(UnknownVersionError, match="has no version 9; it has: none"):
        a_lineage(registry, registry.writer.begin_epoch("host:1"), parent=9)


def test_a_commit_is_read_back_whole(registry: Registry) -> None:
    """Everything handed in comes out again, floats and partitions as they were."""
    writer = Writer(registry)
    handed = a_commit(writer.lineage)
    done = registry.writer.commit(writer.epoch, handed)
    assert done.version == 1
    found = registry.versions.find(1)
    same = set(Commit._fields) - {"learned_something", "verdict"}
    assert {name: getattr(found, name) for name in same} == {
        name: getattr(handed, name) for name in same
    }
    assert (found.state, found.reason, found.epoch) == ("verified", "", writer.epoch)
    assert registry.versions.all() == [found]


def test_versions_are_numbered_without_gaps(registry: Registry) -> None:
    """Only a checkpoint after which something was learned takes a number; the newest come last."""
    writer = Writer(registry)
    numbers = [writer.commit(learned=flag).version for flag in (True, False, True, False, True)]
    assert numbers == [1, None, 2, None, 3]
    assert [found.version for found in registry.versions.all()] == [1, 2, 3]
    assert [found.version for found in registry.versions.all(limit=2)] == [2, 3]


def test_the_newest_checkpoint_is_resumed_from(registry: Registry) -> None:
    """The resume point is the last checkpoint of the live lineage, numbered or not."""
    writer = Writer(registry)
    writer.commit()
    last = writer.commit(learned=False)
    point = registry.versions.resume_point()
    assert point is not None
    assert (point.serial, point.version) == (last.checkpoint, None)
    assert not isinstance(point, Version)


def test_a_new_live_lineage_starts_afresh(registry: Registry) -> None:
    """Checkpoints of an older lineage are not resumed from, and what it began with is latest."""
    writer = Writer(registry)
    writer.versions(3)
    lineage = a_lineage(registry, writer.epoch, parent=2)
    assert registry.versions.resume_point() is None
    assert registry.serving.pointers() == Pointers(latest=2, serving=3, pinned=False)
    with pytest.raises(RegistryError, match=f"the learner's lineage is {lineage.serial}"):
        writer.commit()


def test_the_same_folder_committed_again_changes_nothing(registry: Registry) -> None:
    """A learner that lost the answer to its commit may commit again."""
    writer = Writer(registry)
    commit = a_commit(writer.lineage)
    first = registry.writer.commit(writer.epoch, commit)
    ledger = registry.ledger.entries()
    assert registry.writer.commit(writer.epoch, commit) == first
    assert registry.ledger.entries() == ledger


def test_metrics_that_are_no_json_are_refused(registry: Registry) -> None:
    """NaN is not JSON: the commit raises and nothing is written."""
    writer = Writer(registry)
    wrong = a_commit(writer.lineage)._replace(metrics={"auc": float("nan")})
    with pytest.raises(RegistryError, match="nothing was changed"):
        registry.writer.commit(writer.epoch, wrong)
    assert registry.versions.all() == []


def test_an_unknown_version_is_told_with_those_that_exist(registry: Registry) -> None:
    """The message draws runs of numbers together."""
    Writer(registry).versions(3)
    with pytest.raises(UnknownVersionError, match=r"has no version 12; it has: 1-3\."):
        registry.versions.find(12)


def test_models_in_one_database_know_nothing_of_each_other(tmp_path: Path) -> None:
    """Two models share a database, each with its own numbers, epochs and pointers."""
    with registry_at(tmp_path, "a") as first, registry_at(tmp_path, "b") as second:
        one, other = Writer(first), Writer(second)
        other.commit(BAD)
        one.versions(3)
        assert first.serving.pointers() == Pointers(3, 3, pinned=False)
        assert second.serving.pointers() == Pointers(1, None, pinned=False)
        assert (one.epoch, other.epoch) == (1, 1)
        assert len(second.ledger.entries()) == 1
        assert [found.served for found in second.versions.all()] == [False]
        assert len(first.versions.folders()) == 4


def test_a_registry_opened_again_is_as_it_was(tmp_path: Path) -> None:
    """Everything is on disk when a method returns."""
    with registry_at(tmp_path) as registry:
        Writer(registry).versions(2)
        versions, ledger = registry.versions.all(), registry.ledger.entries()
    with registry_at(tmp_path, clock=Clock()) as again:
        assert (again.versions.all(), again.ledger.entries()) == (versions, ledger)
        assert again.writer.begin_epoch("host:3") == 2
