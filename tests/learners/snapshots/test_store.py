"""The snapshot store: written whole or not at all, read back as written, deleted by nobody else."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError, SnapshotError
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore

FILES = {"model.vw": b"weights\x00\xff" * 20, "waiting.jsonl": b'{"id": "a"}\n', "empty": b""}


def write(store: SnapshotStore, files: dict[str, bytes] | None = None) -> SnapshotRef:
    """A finished snapshot."""
    with store.draft() as draft:
        for name, content in (FILES if files is None else files).items():
            (draft.path / name).write_bytes(content)
        return draft.finish({"lineage": 3, "log_loss": 0.1 + 0.2, "ä": "ß"})


def _fail(path: Path) -> NoReturn:
    path.write_bytes(b"half")
    raise RuntimeError("learner")


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """A store that has nothing yet."""
    return SnapshotStore(tmp_path / "home" / "snapshots")


def test_a_snapshot_is_read_back_as_written(store: SnapshotStore) -> None:
    """Every file and the manifest come back; the manifest names each file's hash and size."""
    ref = write(store)
    with store.open(ref) as snapshot:
        assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == FILES
        assert snapshot.manifest["log_loss"] == 0.1 + 0.2
        assert {name: mark["size"] for name, mark in snapshot.manifest["files"].items()} == {
            name: len(content) for name, content in FILES.items()
        }
    assert store.manifest(ref) == snapshot.manifest
    assert names(store.folder) == [ref.folder]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.text("abc.-_é ", min_size=1, max_size=9), st.binary(), max_size=4))
def test_any_files_are_read_back(tmp_path: Path, files: dict[str, bytes]) -> None:
    """Whatever the names and contents."""
    files = {name: content for name, content in files.items() if name not in {".", ".."}}
    store = SnapshotStore(tmp_path)
    with store.open(write(store, files)) as snapshot:
        assert {path.name: path.read_bytes() for path in snapshot.path.iterdir()} == files


def test_the_manifest_has_one_form(store: SnapshotStore) -> None:
    """The same state gives the same manifest and hash, whatever order it was given in."""
    with store.draft() as first:
        one = first.finish({"a": 1, "b": [1.5, None]})
    with store.draft() as second:
        other = second.finish({"b": [1.5, None], "a": 1})
    assert one.manifest_sha256 == other.manifest_sha256
    assert one.folder != other.folder
    text = (store.folder / one.folder / "manifest.json").read_text(encoding="utf-8")
    assert list(json.loads(text)) == ["a", "b", "files", "format"]


def test_a_manifest_holds_neither_nan_nor_names_of_ours(store: SnapshotStore) -> None:
    """Both raise, and no folder is left."""
    manifests: list[dict[str, object]] = [{"auc": float("nan")}, {"files": {}}, {"format": 2}]
    for wrong in manifests:
        with (
            pytest.raises(ValueError, match=r"JSON compliant|written by the store"),
            store.draft() as draft,
        ):
            draft.finish(wrong)
    assert names(store.folder) == []


def test_a_copy_holds_only_what_was_asked_for(store: SnapshotStore) -> None:
    """A server takes the model alone, and is told when there is none."""
    ref = write(store)
    with store.open(ref, only=["model.vw"]) as snapshot:
        assert names(snapshot.path) == ["model.vw"]
    with (
        pytest.raises(SnapshotError, match=r"holds no file model\.json"),
        store.open(ref, only=["model.json"]),
    ):
        pass


def test_what_was_checked_is_what_is_loaded(store: SnapshotStore) -> None:
    """A file that changes while a reader works does not reach the reader."""
    ref = write(store)
    with store.open(ref) as snapshot:
        (store.folder / ref.folder / "model.vw").write_bytes(b"poison")
        assert (snapshot.path / "model.vw").read_bytes() == FILES["model.vw"]
    with pytest.raises(CorruptSnapshotError), store.open(ref):
        pass


def test_copies_can_be_made_outside_a_read_only_store(tmp_path: Path) -> None:
    """A server whose store is mounted read-only reads through a folder of its own."""
    ref = write(SnapshotStore(tmp_path / "store"))
    server = SnapshotStore(tmp_path / "store", private=tmp_path / "own")
    with server.open(ref) as snapshot:
        assert snapshot.path.parent == tmp_path / "own"
        assert names(tmp_path / "store") == [ref.folder]
    assert names(tmp_path / "own") == []


def test_an_unfinished_draft_leaves_nothing(store: SnapshotStore) -> None:
    """Whether it was given up or an error came, the folder is gone."""
    with store.draft() as draft:
        (draft.path / "model.vw").write_bytes(b"half")
    with pytest.raises(RuntimeError, match="learner"), store.draft() as draft:
        _fail(draft.path / "model.vw")
    assert names(store.folder) == []


@pytest.mark.parametrize("fails_at", range(6))
@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "the disk is full: free some space"),
        (errno.EIO, "the disk fails to read or write"),
        (errno.EROFS, "the file system is read-only"),
    ],
)
def test_a_failing_disk_leaves_no_folder(
    store: SnapshotStore, monkeypatch: pytest.MonkeyPatch, fails_at: int, number: int, advice: str
) -> None:
    """Whichever write to disk fails: the error says what to do, earlier snapshots stay whole."""
    before = write(store)
    calls = iter(range(100))

    def failing(_handle: int) -> None:
        if next(calls) == fails_at:
            raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", failing)
        with pytest.raises(SnapshotError, match=advice) as told:
            write(store)
    assert str(store.folder) in str(told.value)
    assert names(store.folder) == [before.folder]
    with store.open(before) as snapshot:
        assert (snapshot.path / "model.vw").read_bytes() == FILES["model.vw"]


def test_the_callers_full_disk_is_told_the_same_way(store: SnapshotStore) -> None:
    """A learner finds the disk full while it saves; its other errors pass as they are."""

    def save(number: int) -> NoReturn:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SnapshotError, match="free some space"), store.draft():
        save(errno.ENOSPC)
    with pytest.raises(ConnectionResetError), store.draft():
        save(errno.ECONNRESET)
    assert names(store.folder) == []


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A store below a file cannot be; reading from one that is not there says so."""
    (tmp_path / "file").touch()
    with pytest.raises(SnapshotError, match="file"), SnapshotStore(tmp_path / "file/below").draft():
        pass
    ref = SnapshotRef("20260101T000000000-0123456789ab", "0" * 64)
    with pytest.raises(MissingSnapshotError, match="mounted and complete"):
        SnapshotStore(tmp_path / "nowhere").manifest(ref)


@pytest.mark.parametrize("folder", ["../secret", "/etc", "", ".", ".draft-1-0123456789abcdef"])
def test_a_row_does_not_lead_elsewhere(store: SnapshotStore, folder: str) -> None:
    """A folder name that no draft was ever given is refused before anything is touched."""
    write(store)
    for act in (store.manifest, lambda ref: store.delete(ref.folder)):
        with pytest.raises(SnapshotError, match="no name of a snapshot folder"):
            act(SnapshotRef(folder, "0" * 64))
