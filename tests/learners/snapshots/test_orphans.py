"""What killed processes leave behind is collected, and nothing that anyone uses or names."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from learners.snapshots.errors import MissingSnapshotError
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore
from tests.support import ROOT

WRITER = """
import sys
from pathlib import Path
from learners.snapshots.store import SnapshotStore
with SnapshotStore(Path(sys.argv[1])).draft() as draft:
    (draft.path / "model").write_bytes(b"x" * 1000)
    if sys.argv[2] == "finish":
        draft.finish({})
    print("there", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """A store on disk."""
    return SnapshotStore(tmp_path)


def write(store: SnapshotStore) -> SnapshotRef:
    """A finished snapshot."""
    with store.draft() as draft:
        (draft.path / "model").write_bytes(b"x" * 1000)
        return draft.finish({})


def nobody() -> set[str]:
    """A registry that names nothing."""
    return set()


def names(store: SnapshotStore) -> set[str]:
    """What lies in the store."""
    return {path.name for path in store.folder.iterdir()}


@pytest.mark.parametrize("how_far", ["begin", "finish"])
def test_a_killed_writers_folder_is_collected_but_not_a_living_ones(
    store: SnapshotStore, how_far: str
) -> None:
    """While the writer lives its folder stays, however old; once it is killed it goes."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store.folder), how_far],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "there\n"
    (folder,) = names(store)
    assert store.collect_orphans(nobody, older_than_seconds=0) == []
    writer.kill()
    writer.communicate()
    assert folder.startswith(".draft") == (how_far == "begin")
    assert store.collect_orphans(nobody, older_than_seconds=0) == [folder]
    assert names(store) == set()


def test_named_and_young_and_foreign_folders_stay(store: SnapshotStore) -> None:
    """Only what is ours, unnamed and old enough goes."""
    named, orphan, young = write(store), write(store), write(store)
    (store.folder / "my notes").mkdir()
    (store.folder / ".git").mkdir()
    an_hour_ago = time.time() - 3600
    for ref in (named, orphan):
        os.utime(store.folder / ref.folder, (an_hour_ago, an_hour_ago))
    assert store.collect_orphans(lambda: {named.folder}, 1800) == [orphan.folder]
    assert names(store) == {named.folder, young.folder, "my notes", ".git"}


def test_the_registry_is_not_asked_about_young_folders(store: SnapshotStore) -> None:
    """A learner of the last hour does without two queries."""
    write(store)
    assert store.collect_orphans(lambda: pytest.fail("asked"), 1800) == []


def test_a_folder_named_while_the_collector_looks_stays(store: SnapshotStore) -> None:
    """The registry is asked again once nobody can be writing any more."""
    ref = write(store)
    answers = iter([set[str](), {ref.folder}])
    assert store.collect_orphans(lambda: next(answers), older_than_seconds=0) == []
    with store.open(ref):
        pass


def test_a_folder_being_read_is_neither_collected_nor_deleted(store: SnapshotStore) -> None:
    """Its reader finishes first; afterwards it can go."""
    ref = write(store)
    with store._reading(ref):
        assert store.collect_orphans(nobody, older_than_seconds=0) == []
        assert not store.delete(ref.folder)
    assert store.delete(ref.folder)
    assert names(store) == set()
    with pytest.raises(MissingSnapshotError):
        store.manifest(ref)


def test_deleting_twice_is_deleting_once(store: SnapshotStore) -> None:
    """What is gone counts as deleted."""
    ref = write(store)
    assert store.delete(ref.folder)
    assert store.delete(ref.folder)


def test_a_killed_readers_copy_is_collected(tmp_path: Path) -> None:
    """Copies go as well, in the store and in a server's own folder, but not while in use."""
    store = SnapshotStore(tmp_path / "store", private=tmp_path / "own")
    ref = write(store)
    left = [f".copy-1-{'0' * 16}", f".gone-1-{'1' * 16}"]
    for name in left:
        (tmp_path / "own").mkdir(exist_ok=True)
        (tmp_path / "own" / name).mkdir()
    (tmp_path / "own" / "20260101T000000000-0123456789ab").mkdir()
    with store.open(ref) as snapshot:
        assert store.collect_orphans(lambda: {ref.folder}, older_than_seconds=0) == left
        assert (snapshot.path / "model").exists()
    assert [path.name for path in (tmp_path / "own").iterdir()] == [
        "20260101T000000000-0123456789ab"
    ]


def test_a_store_that_is_not_there_has_no_orphans(tmp_path: Path) -> None:
    """Nothing is made by looking."""
    store = SnapshotStore(tmp_path / "nowhere")
    assert store.collect_orphans(nobody, older_than_seconds=0) == []
    assert not store.folder.exists()
