"""No damage to a snapshot goes unseen: cuts, flipped bits, files added, removed or replaced."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from learners.snapshots.errors import CorruptSnapshotError, MissingSnapshotError, SnapshotError
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore

FILES = {"model.vw": b"a small model's weights\x00\x01\x02", "waiting": b'{"id": 7}\n'}
FLIPS = 100


@pytest.fixture
def store(tmp_path: Path) -> SnapshotStore:
    """A store on disk."""
    return SnapshotStore(tmp_path)


@pytest.fixture
def ref(store: SnapshotStore) -> SnapshotRef:
    """A small snapshot."""
    with store.draft() as draft:
        for name, content in FILES.items():
            (draft.path / name).write_bytes(content)
        return draft.finish({"lineage": 1})


def is_refused(store: SnapshotStore, ref: SnapshotRef, name: str) -> bool:
    """Whether the snapshot is not opened, for corruption, and the message names the file."""
    try:
        with store.open(ref):
            return False
    except CorruptSnapshotError as error:
        return name in str(error) and ref.folder in str(error)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_file_cut_at_any_byte_is_seen(store: SnapshotStore, ref: SnapshotRef, name: str) -> None:
    """Of every file, every shorter beginning is refused."""
    path = store.folder / ref.folder / name
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert is_refused(store, ref, name), length
    path.write_bytes(whole)
    with store.open(ref) as snapshot:
        assert (snapshot.path / "waiting").read_bytes() == FILES["waiting"]


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_flipped_bit_is_seen(store: SnapshotStore, ref: SnapshotRef, name: str) -> None:
    """Of every file, any single bit turned over is refused."""
    path = store.folder / ref.folder / name
    whole = path.read_bytes()
    dice = random.Random(7)
    for bit in dice.sample(range(8 * len(whole)), min(FLIPS, 8 * len(whole))):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        assert is_refused(store, ref, name), bit


def lengthen(path: Path) -> None:
    """One byte more."""
    path.write_bytes(path.read_bytes() + b"\0")


def replace_by_link(path: Path) -> None:
    """A link to the very same bytes."""
    shutil.copy(path, path.parent.parent / "elsewhere")
    path.unlink()
    path.symlink_to(path.parent.parent / "elsewhere")


def replace_by_folder(path: Path) -> None:
    """A folder in the file's place."""
    path.unlink()
    path.mkdir()


def replace_by_pipe(path: Path) -> None:
    """A pipe that nobody writes to."""
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize(
    "damage", [lengthen, Path.unlink, replace_by_link, replace_by_folder, replace_by_pipe]
)
def test_a_file_that_is_not_the_one_is_seen(
    store: SnapshotStore, ref: SnapshotRef, name: str, damage: Callable[[Path], None]
) -> None:
    """Longer, gone, or something else than a regular file: refused by name, without waiting."""
    damage(store.folder / ref.folder / name)
    assert is_refused(store, ref, name)


def test_a_file_too_many_is_seen(store: SnapshotStore, ref: SnapshotRef) -> None:
    """A file that the manifest does not name is refused by name."""
    (store.folder / ref.folder / "model.vw.bak").write_bytes(b"")
    assert is_refused(store, ref, "model.vw.bak")


def test_another_snapshots_manifest_is_seen(store: SnapshotStore, ref: SnapshotRef) -> None:
    """A whole and consistent folder is refused when it is not the one that the registry means."""
    with store.draft() as draft:
        (draft.path / "model.vw").write_bytes(b"another model")
        other = draft.finish({"lineage": 2})
    assert is_refused(store, SnapshotRef(ref.folder, other.manifest_sha256), "manifest.json")


def test_damage_outside_what_is_loaded_does_not_hinder(
    store: SnapshotStore, ref: SnapshotRef
) -> None:
    """A server that takes the model alone reads no other file, but sees when one is cut short."""
    path = store.folder / ref.folder / "waiting"
    path.write_bytes(bytes(len(FILES["waiting"])))
    with store.open(ref, only=["model.vw"]) as snapshot:
        assert (snapshot.path / "model.vw").read_bytes() == FILES["model.vw"]
    assert is_refused(store, ref, "waiting")
    path.write_bytes(b"")
    with (
        pytest.raises(CorruptSnapshotError, match="waiting has 0 bytes, not 10"),
        store.open(ref, only=["model.vw"]),
    ):
        pass


def test_a_missing_folder_is_not_called_corrupt(store: SnapshotStore, ref: SnapshotRef) -> None:
    """Perhaps the store is not mounted: nobody should refuse versions for ever because of that."""
    shutil.rmtree(store.folder / ref.folder)
    with pytest.raises(MissingSnapshotError, match=ref.folder), store.open(ref):
        pass


def test_a_link_in_the_folders_place_is_not_followed(
    store: SnapshotStore, ref: SnapshotRef
) -> None:
    """Even to the same files."""
    path = store.folder / ref.folder
    path.rename(store.folder / "elsewhere")
    path.symlink_to(store.folder / "elsewhere")
    with pytest.raises(SnapshotError), store.open(ref):
        pass


def test_a_manifest_of_another_format_is_not_opened(store: SnapshotStore) -> None:
    """Its number is told."""
    folder = store.folder / "20260101T000000000-0123456789ab"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(b'{"files": {}, "format": 2}')
    digest = "e8356fe9ce1cffc0b2c40242d21142079fda4e0f00101ff1a5874e151443b7bc"
    with pytest.raises(SnapshotError, match="format 2, this Freshet reads 1"):
        store.manifest(SnapshotRef(folder.name, digest))
