"""Segments within snapshots: shared between them, and written again where they cannot be."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from converters.config.learning_settings import LateLabelSettings
from learners.registry.row_types import Start
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.fold.pipeline import Pipeline, new_pipeline
from tests.support.streams.folds import context, records_of, remembered, taken

MADE_FOR = context(LateLabelSettings(), 50)


def waiting(*numbers: int) -> Any:
    """A record of events that wait."""
    return records_of([(1, ("e", [(f"k{n}", None, "| x=1") for n in numbers]))])


def saved(store: SnapshotStore, fold: Pipeline) -> SnapshotRef:
    """A checkpoint of the fold, which goes on."""
    with checkpoint.saved(
        store, MADE_FOR, fold, Start({}, {}, 0), None, learned_something=True
    ) as done:
        return done.snapshot


def loaded(store: SnapshotStore, ref: SnapshotRef) -> dict[str, object]:
    """What a checkpoint remembers."""
    with store.open(ref) as snapshot:
        fold = checkpoint.load(MADE_FOR, snapshot, 1)
    found = remembered(fold.joiner)
    fold.close()
    return found


def segments(store: SnapshotStore, ref: SnapshotRef) -> dict[str, int]:
    """The segments of waiting events, and which file of the disk each one is."""
    folder = store.folder / ref.folder
    return {path.name: path.stat().st_ino for path in sorted(folder.glob("waiting-*"))}


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """An empty one."""
    return SnapshotStore(tmp_path / "snapshots")


@pytest.fixture
def fold() -> Any:
    """One with a first event that waits."""
    made = new_pipeline(MADE_FOR, 1)
    taken(made, waiting(*range(20)))
    yield made
    made.close()


def test_a_segment_is_shared_by_the_checkpoints_after_it(store: SnapshotStore, fold: Any) -> None:
    """One file of the disk with several names; it outlives the snapshot that wrote it."""
    first = saved(store, fold)
    taken(fold, waiting(30))
    second = saved(store, fold)
    old, new = segments(store, first), segments(store, second)
    assert old.items() < new.items()
    assert store.delete(first.folder)
    assert loaded(store, second) == remembered(fold.joiner)


@pytest.mark.parametrize("damage", ["cut", "flip", "gone", "no links"])
def test_what_cannot_be_shared_is_written_again(
    store: SnapshotStore, fold: Any, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged segment is not handed on: its rows are at hand."""
    first = saved(store, fold)
    (name,) = segments(store, first)
    file = store.folder / first.folder / name
    content = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(content[:-1])
    elif damage == "flip":
        content[40] ^= 1
        file.write_bytes(content)
    elif damage == "gone":
        shutil.rmtree(file.parent)
    else:
        monkeypatch.setattr(os, "link", _refused)
    taken(fold, waiting(30))
    assert loaded(store, saved(store, fold)) == remembered(fold.joiner)


def test_a_checkpoint_that_fails_changes_nothing(
    store: SnapshotStore, fold: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it would have written is written by the next one."""
    saved(store, fold)
    taken(fold, waiting(30))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", _refused)
        with pytest.raises(Exception, match="snapshot"):
            saved(store, fold)
    taken(fold, waiting(31))
    assert loaded(store, saved(store, fold)) == remembered(fold.joiner)


def _refused(*_: Any, **__: Any) -> None:
    raise OSError(95, "not supported")
