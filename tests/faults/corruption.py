"""Damage done to what a model keeps on disk, and the learner started over it as a user would.

Stands below ``test_corruption.py`` and ``test_corruption_evaluated.py``: makes one real model with
several checkpoints, whose files are then cut, flipped and replaced, in copies.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from learners.registry.row_types import Checkpoint
from learners.snapshots.manifest import MANIFEST, SnapshotRef
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, answers, csv_text, flights, same

ROWS, RUNS = 240, 3
# A frozen copy as well, so that its two files are in the snapshot.
STATIC = 'static_after = "2013-01-01T06:30:00"\n'


@dataclass(frozen=True)
class Made:
    """A model that has learned everything: its folder, its checkpoints, what it came to.

    Attributes:
        points: the newest last.
    """

    folder: Path
    points: tuple[Checkpoint, ...]
    report: dict[str, Any]
    answers: list[tuple[int, str, float, int]]

    @property
    def newest(self) -> Path:
        """The folder of the newest checkpoint."""
        return snapshot_folder(project_in(self.folder), self.points[-1])


@dataclass(frozen=True)
class Damage:
    """A file cut to so many bytes, or with one bit turned over."""

    name: str
    how: str
    at: int

    def do(self, folder: Path) -> None:
        """Damage the file in this folder."""
        path = folder / self.name
        content = bytearray(path.read_bytes())
        if self.how == "cut":
            del content[self.at :]
        else:
            content[self.at // 8] ^= 1 << self.at % 8
        path.write_bytes(content)


def project_in(folder: Path, kind: str = "vw") -> Project:
    """The project in a folder, with the very same config each time."""
    return Project(folder, kind=kind, args="-b 10" if kind == "vw" else "", more=STATIC)


def make(folder: Path, kind: str = "vw") -> Made:
    """A model with several checkpoints, labels that came late, and some that still wait."""
    project = project_in(folder, kind)
    rows, report, points = flights(ROWS), {}, []
    for run in range(RUNS):
        part = rows[run * ROWS // RUNS : (run + 1) * ROWS // RUNS]
        path = folder / "part.csv"
        path.write_text(csv_text(part), encoding="utf-8")
        project.produce(path, label_time="landed")
        report = project.learn()
        with project.registry() as registry:
            point = registry.versions.resume_point()
        assert point is not None
        points.append(point)
    return Made(folder, tuple(points), report, answers(project.scores()))


def copied(made: Made, folder: Path, kind: str = "vw") -> Project:
    """A copy of the model that may be damaged."""
    shutil.copytree(made.folder, folder)
    return project_in(folder, kind)


def snapshot_folder(project: Project, point: Checkpoint) -> Path:
    """Where the files of a checkpoint are."""
    return Path(project.settings.snapshots) / point.snapshot.folder


def cuts(folder: Path, most: int | None = None) -> Iterator[Damage]:
    """Every file of a folder, cut at every byte, or at so many places, and by its last one."""
    for path in sorted(folder.iterdir()):
        size = path.stat().st_size
        step = 1 if most is None else max(1, size // most)
        for at in sorted({*range(0, size, step), size - 1}):
            yield Damage(path.name, "cut", at)


def flips(folder: Path, count: int, seed: int) -> list[Damage]:
    """So many random bits over all files, each file in its turn."""
    draw, files = Random(seed), sorted(folder.iterdir())
    return [
        Damage(path.name, "flip", draw.randrange(8 * path.stat().st_size))
        for path in (files[number % len(files)] for number in range(count))
    ]


def command(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``freshet`` in the project's folder, to its end."""
    return freshet(*arguments, cwd=project.folder)


def learned_the_same(made: Made, project: Project) -> str:
    """Run ``freshet learn``; what differs from the undamaged model, and what it printed."""
    run = command(project, "learn", "--until-end", "--json")
    if run.returncode:
        return f"status {run.returncode}: {run.stderr}"
    assert same(json.loads(run.stdout)) == same(made.report), run.stderr
    assert answers(project.scores()) == made.answers
    return run.stderr


def ledger(project: Project, action: str) -> list[dict[str, Any]]:
    """The entries of one action that ``freshet history --json`` prints."""
    run = command(project, "history", "--json")
    assert not run.returncode, run.stderr
    return [entry for entry in json.loads(run.stdout) if entry["action"] == action]


def forged(project: Project, point: Checkpoint, name: str, content: bytes) -> None:
    """Replace a file as one would who can write everything: manifest and registry row agree."""
    folder = snapshot_folder(project, point)
    (folder / name).write_bytes(content)
    if name != MANIFEST:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        mark = {"sha256": sha256(content).hexdigest(), "size": len(content)}
        manifest["files"][name] = mark
        text = json.dumps(manifest, sort_keys=True, indent=1, ensure_ascii=False)
        (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
    digest = sha256((folder / MANIFEST).read_bytes()).hexdigest()
    with closing(sqlite3.connect(registry_file(project))) as database, database:
        changed = database.execute(
            "UPDATE checkpoints SET manifest_sha256 = ? WHERE folder = ?",
            (digest, point.snapshot.folder),
        )
        assert changed.rowcount == 1


def forged_ref(project: Project, point: Checkpoint) -> SnapshotRef:
    """The reference that the registry holds by now."""
    with project.registry() as registry:
        found = [v for v in registry.versions.all() if v.serial == point.serial]
    return found[0].snapshot


def registry_file(project: Project) -> Path:
    """The file of the registry."""
    return Path(project.settings.registry.removeprefix("sqlite:///"))


def log_file(project: Project) -> Path:
    """The file of the log."""
    return Path(project.settings.log.removeprefix("sqlite:///"))


def contents(folder: Path, but: Sequence[str] = ()) -> dict[str, bytes]:
    """All files below a folder, to see whether any was touched."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }
