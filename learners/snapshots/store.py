"""The store of snapshot folders: written whole or not at all, loaded only as they were written.

The learner process writes a :class:`Draft` and hands the :class:`SnapshotRef` of the finished
folder to the registry; until a row there names it, the folder is an orphan. Servers, commands and
a learner that resumes :meth:`~SnapshotStore.open` it by that reference.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from learners.snapshots import manifest as manifests
from learners.snapshots.disk import (
    FileMark,
    alone_with,
    copy_checked,
    in_use,
    new_folder,
    remove,
    seal,
    sync_folder,
    write_new,
)
from learners.snapshots.errors import (
    CorruptSnapshotError,
    SnapshotError,
    callers_disk_trouble,
    disk_trouble,
)
from learners.snapshots.manifest import MANIFEST, SnapshotRef

WRITING = "Writing a snapshot (nothing is left of it)"


class Draft:
    """A folder being written; its files become a snapshot by :meth:`finish`, or vanish.

    Attributes:
        marks: what each file is that is on disk; once finished, every file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.finished = False
        self.marks: dict[str, FileMark] = {}

    def take_over(self, name: str, snapshot: Path, mark: FileMark) -> bool:
        """Have a file of another snapshot in this one too, without writing it again.

        A second name for the same bytes, which stay when the other snapshot is deleted. Only their
        size is looked at here: whoever opens this snapshot checks them against the mark.

        Returns:
            Whether that was possible; it is not where the other snapshot is gone or was cut, or on
            file systems without hard links.
        """
        try:
            os.link(snapshot / name, self.path / name)
            if (self.path / name).stat(follow_symlinks=False).st_size != mark.size:
                (self.path / name).unlink()
                return False
        except OSError:
            return False
        self.marks[name] = mark
        return True

    def write(self, name: str, content: bytes | memoryview) -> FileMark:
        """Write a file and put it on disk; what it is follows from the content."""
        with disk_trouble(WRITING, self.path.parent):
            write_new(self.path / name, content)
        mark = self.marks[name] = FileMark(hashlib.sha256(content).hexdigest(), len(content))
        return mark

    def seal(self, name: str) -> FileMark:
        """Put a file on disk that something else wrote, and say what it is."""
        with disk_trouble(WRITING, self.path.parent):
            mark = self.marks[name] = seal(self.path / name)
        return mark

    def finish(self, manifest: dict[str, Any]) -> SnapshotRef:
        """Write the manifest, put everything on disk and give the folder its name for good.

        Args:
            manifest: JSON data; ``files`` (sha256 and size of each) and ``format`` are added.

        Raises:
            SnapshotError: the disk is full, fails or is read-only, or there is something else
                than regular files; no folder is left.
        """
        store = self.path.parent
        with disk_trouble(WRITING, store):
            self.marks = _seal_all(self.path, self.marks)
            content = manifests.canonical(manifest, self.marks)
            write_new(self.path / MANIFEST, content)
            sync_folder(self.path)
            digest = manifests.sha256(content)
            self.path = _give_name(self.path, digest)
            sync_folder(store)
        self.finished = True
        return SnapshotRef(self.path.name, digest)


def _seal_all(draft: Path, known: Mapping[str, FileMark]) -> dict[str, FileMark]:
    try:
        return {path.name: known.get(path.name) or seal(path) for path in draft.iterdir()}
    except CorruptSnapshotError as error:
        raise SnapshotError(
            f"The snapshot drafted in {draft} cannot be finished: {error}. Only regular files can "
            "be part of one. This is a bug in Freshet; please report it."
        ) from error


def _give_name(draft: Path, digest: str) -> Path:
    """Rename to a name that sorts by time and that no other folder has."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")[:-3]
    base, again = f"{moment}-{digest[:12]}", 1
    name = base
    # A finished folder is never empty, and rename refuses to replace one that is not.
    while (draft.parent / name).exists():
        again += 1
        name = f"{base}-{again}"
    return draft.rename(draft.parent / name)


_FINISHED = re.compile(r"\d{8}T\d{9}-[0-9a-f]{12}(-\d+)?")
_PASSING = re.compile(r"\.(draft|copy|gone)-\d+-[0-9a-f]{16}")


class Snapshot(NamedTuple):
    """A checked snapshot: where its files can be read, its manifest, and whose copy this is."""

    path: Path
    manifest: dict[str, Any]
    origin: Path


class SnapshotStore:
    """A folder of snapshots; safe for several writers, readers and collectors at once.

    One store belongs to one model of one registry.

    Args:
        folder: where the snapshots are; made when first written to.
        private: where copies for reading are made; in ``folder`` unless said otherwise, which a
            server needs whose store is mounted read-only.
    """

    def __init__(self, folder: Path, private: Path | None = None) -> None:
        self.folder = folder
        self._private = private or folder

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """A new folder to write files into and to finish; gone again if it is not finished.

        Name the finished folder in the registry before leaving the ``with``: until then no
        collector of orphans can take it, however late it is.
        """
        with new_folder(self.folder, "draft") as path:
            draft = Draft(path)
            try:
                with callers_disk_trouble(WRITING, self.folder):
                    yield draft
            finally:
                if not draft.finished:
                    shutil.rmtree(draft.path, ignore_errors=True)

    def manifest(self, ref: SnapshotRef) -> dict[str, Any]:
        """The manifest alone, checked; raises as :meth:`open` does."""
        with self._reading(ref) as handle:
            return manifests.read(handle, ref.manifest_sha256)

    @contextmanager
    def open(
        self,
        ref: SnapshotRef,
        only: Collection[str] | None = None,
        if_there: Collection[str] = (),
    ) -> Iterator[Snapshot]:
        """A private, checked copy of a snapshot, gone when the ``with`` ends.

        A copy, because learners load from a path, and a file could change between its check and
        its loading; it is hashed as it is copied, so that what was checked is what is loaded.

        Args:
            ref: as the registry has it.
            only: names of the files to copy; a server has no use for the events that wait.
            if_there: more of them, which not every snapshot has.

        Raises:
            CorruptSnapshotError: a file was changed, cut, added, removed or replaced by a link;
                the message names it.
            MissingSnapshotError: the folder is not there.
            SnapshotError: the disk fails, or there is no room for the copy.
        """
        with self._reading(ref):  # before a folder is made beside one that is not there
            pass
        with new_folder(self._private, "copy") as path:
            try:
                with self._reading(ref) as handle:
                    manifest = manifests.read(handle, ref.manifest_sha256)
                    marks = manifests.marks(handle, manifest)
                    wanted = marks if only is None else {*only, *marks.keys() & set(if_there)}
                    for name in wanted:
                        copy_checked(handle, name, path / name, _mark(marks, name, ref))
                yield Snapshot(path, manifest, self.folder / ref.folder)
            finally:
                shutil.rmtree(path, ignore_errors=True)

    def delete(self, folder: str) -> bool:
        """Delete a snapshot; False if someone is using it (collect it as an orphan later)."""
        path = self.folder / _checked(folder)
        handle = alone_with(path)
        if handle is None:
            return not path.exists()
        try:
            remove(path)
        finally:
            os.close(handle)
        return True

    def collect_orphans(
        self, named: Callable[[], Collection[str]], older_than_seconds: float
    ) -> list[str]:
        """Delete what killed processes left behind: drafts, copies, folders that no row names.

        Args:
            named: asks the registry (``versions.folders``), and is asked again once the
                candidates are locked, so that a folder named meanwhile stays.
            older_than_seconds: younger folders stay.

        Returns:
            The names of what was deleted.
        """
        old = [path for path in self._folders() if _age(path) >= older_than_seconds]
        before = named() if old else ()
        found = [path for path in old if path.name not in before]
        if not found:
            return []
        locked = [(path, handle) for path in found if (handle := alone_with(path)) is not None]
        try:
            meanwhile = named()
            orphans = [path for path, _ in locked if path.name not in meanwhile]
            for path in orphans:
                remove(path)
        finally:
            for _, handle in locked:
                os.close(handle)
        return [path.name for path in orphans]

    def _folders(self) -> list[Path]:
        """Everything here that looks like ours, finished or not."""
        places = [place for place in {self.folder, self._private} if place.is_dir()]
        with disk_trouble("Looking for left-over snapshots", self.folder):
            return [
                path
                for place in places
                for path in sorted(place.iterdir())
                if _PASSING.fullmatch(path.name)
                or (place == self.folder and _FINISHED.fullmatch(path.name))
            ]

    @contextmanager
    def _reading(self, ref: SnapshotRef) -> Iterator[int]:
        """The open folder of a snapshot; what is wrong in it is told with its name."""
        path = self.folder / _checked(ref.folder)
        try:
            with disk_trouble("Reading a snapshot", path), in_use(path) as handle:
                yield handle
        except CorruptSnapshotError as error:
            raise CorruptSnapshotError(
                f"The snapshot {path} is corrupt: {error}. It is not loaded; restore the folder "
                "from a backup, or serve another version."
            ) from error


def _mark(marks: dict[str, FileMark], name: str, ref: SnapshotRef) -> FileMark:
    if name not in marks:
        raise SnapshotError(
            f"The snapshot {ref.folder} holds no file {name}, only {', '.join(sorted(marks))}: it "
            "belongs to another kind of learner. Serve another version."
        )
    return marks[name]


def _checked(folder: str) -> str:
    """The name, if it is one that a draft was given: a registry row must not lead elsewhere."""
    if not _FINISHED.fullmatch(folder):
        raise SnapshotError(
            f"{folder!r} is no name of a snapshot folder: the registry's row is damaged or was "
            "written by another program. Serve another version."
        )
    return folder


def _age(path: Path) -> float:
    """Seconds since the folder was last written to; nothing, if it is gone by now."""
    try:
        return time.time() - path.stat(follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return float("-inf")
