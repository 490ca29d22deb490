"""Nothing on disk is ever unpickled or evaluated, not even for one who can rewrite every hash.

An attacker's file stands in each place that is read, and manifest and registry row agree with it:
the learner refuses it, or takes it for the data that it is; the code in it never runs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.errors import FreshetError
from learners.snapshots.errors import CorruptSnapshotError, SnapshotError
from learners.snapshots.manifest import MANIFEST
from serve.live.version_loader import Loader
from serve.rows.readers import Readers
from stream.log.contract import Outgoing
from tests.faults.corruption import (
    Made,
    copied,
    forged,
    forged_ref,
    make,
    registry_file,
    snapshot_folder,
)
from tests.support.serving.project import answers, same


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One model for all tests, which damage copies of it."""
    return make(tmp_path_factory.mktemp("made") / "model")


class Attack:
    """What, when unpickled, leaves a file behind."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        """Run by whoever unpickles this."""
        return (os.mkdir, (str(self.marker),))


def weapons(marker: Path) -> dict[str, bytes]:
    """Contents that harm whoever evaluates them, by kind."""
    attack = Attack(marker)
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=True, counts=np.array([attack], dtype=object))
    one = io.BytesIO()
    np.save(one, np.array([attack, attack], dtype=object), allow_pickle=True)
    code = f"__import__('os').mkdir({str(marker)!r})"
    odd = {"__class__": "os.mkdir", "py/reduce": [code], "!!python/object/apply:os.mkdir": code}
    return {
        "pickle": pickle.dumps(attack),
        "npz": arrays.getvalue(),
        "npy": one.getvalue(),
        "code": code.encode(),
        "json": json.dumps({"waiting": code, "counts": odd, "labels": [[odd]], **odd}).encode(),
        "list": json.dumps([code, 1e400, None]).encode(),
    }


def named(made: Made, name: str) -> str:
    """The file of this name, or the first segment that begins with it."""
    names = sorted(path.name for path in made.newest.iterdir())
    return next(found for found in names if found == name or found.startswith(f"{name}-0"))


KINDS = tuple(weapons(Path("x")))


def test_the_weapons_work(tmp_path: Path) -> None:
    """The forged files work: unpickling or evaluating one leaves its marker file behind."""
    for kind in ("pickle", "npz", "npy", "code"):
        content = weapons(tmp_path / kind)[kind]
        if kind == "pickle":
            pickle.loads(content)
        elif kind == "code":
            eval(content)
        else:
            loaded = np.load(io.BytesIO(content), allow_pickle=True)
            _ = loaded["counts"] if kind == "npz" else loaded
        assert (tmp_path / kind).exists()


@pytest.mark.parametrize("name", ["model", MANIFEST, "static-model"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_file_of_a_snapshot_is_never_run(
    made: Made, tmp_path: Path, name: str, kind: str
) -> None:
    """A forged file in each file's place, with right hashes: learner and server refuse it."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    content = weapons(marker)[kind]
    forged(project, made.points[-1], name, content)
    assert (snapshot_folder(project, made.points[-1]) / name).read_bytes() == content
    if name in {"model", MANIFEST}:
        with project.registry() as registry:
            readers = Readers(registry, project.settings.serve, project.schema)
            loader = Loader(registry, project.snapshots(), readers)
            with pytest.raises(Exception):  # noqa: B017, PT011 - any error keeps the old model
                loader.load(made.points[-1].version or 0)
        assert not marker.exists()
    try:
        assert same(project.learn()) == same(made.report)
    except SnapshotError:  # of another format than this freshet reads: it stops, and says so
        assert (name, kind) == (MANIFEST, "json")
    assert answers(project.scores()) == made.answers
    assert not marker.exists()


@pytest.mark.parametrize("name", ["joins.npz", "metrics.npz", "resolved"])
@pytest.mark.parametrize("kind", KINDS)
def test_forged_joins_and_measures_are_never_run(
    made: Made, tmp_path: Path, name: str, kind: str
) -> None:
    """Forged joins and measures with right hashes: no code runs, and nothing is scored twice."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    forged(project, made.points[-1], named(made, name), weapons(marker)[kind])
    with contextlib.suppress(FreshetError, ValueError, KeyError, TypeError, EOFError):
        project.learn()
    assert not marker.exists()
    assert answers(project.scores()) == made.answers


@pytest.mark.parametrize("name", ["joins.npz", "metrics.npz", "resolved"])
def test_forged_joins_and_measures_are_passed_over(made: Made, tmp_path: Path, name: str) -> None:
    """Joins or measures of other content, right hashes: the checkpoint before is used."""
    project = copied(made, tmp_path / "p")
    forged(project, made.points[-1], named(made, name), weapons(tmp_path / "marker")["npz"])
    assert same(project.learn()) == same(made.report)
    assert answers(project.scores()) == made.answers


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_manifest_of_the_right_format_is_refused(
    made: Made, tmp_path: Path, kind: str
) -> None:
    """A forged manifest that names files elsewhere, or holds no valid hash or size: refused."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    outside = tmp_path / "p" / "outside"
    outside.write_bytes(weapons(marker)[kind])
    odd: list[Any] = [{"../../../outside": {"sha256": "x", "size": 1}}, [kind], {"model": kind}]
    for files in odd:
        content = json.dumps({"files": files, "format": 1}).encode()
        forged(project, made.points[-1], MANIFEST, content)
        with (
            pytest.raises(CorruptSnapshotError),
            project.snapshots().open(forged_ref(project, made.points[-1])),
        ):
            pass
    assert not marker.exists()


@pytest.mark.parametrize("topic", ["journal", "scores", "dead_letters"])
@pytest.mark.parametrize("kind", ["pickle", "code", "json"])
def test_a_forged_record_of_freshets_own_topics_is_never_run(
    made: Made, tmp_path: Path, topic: str, kind: str
) -> None:
    """What was put on the topics that only the learner writes: read as data, or refused."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    forgery = Outgoing(weapons(marker)[kind], key=b"a:0:0")
    with project.open_log() as log:
        log.append(getattr(project.topics(), topic), [forgery])
    for read in (project.learn, project.scores, project.dead_letters):
        with contextlib.suppress(FreshetError, ValueError, IndexError, TypeError):
            read()
        assert not marker.exists()
    assert project.snapshots().manifest(made.points[-1].snapshot)


@pytest.mark.parametrize("column", ["learner", "metrics", "positions", "events"])
def test_a_forged_row_of_the_registry_is_never_run(made: Made, tmp_path: Path, column: str) -> None:
    """JSON columns that hold code, a pickle, or another type: the learner stops or goes on."""
    for kind in ("pickle", "code", "json", "list"):
        project, marker = copied(made, tmp_path / kind), tmp_path / "marker"
        with closing(sqlite3.connect(registry_file(project))) as database, database:
            statement = f"UPDATE checkpoints SET {column} = ?"  # a name of the parameters above
            database.execute(statement, (weapons(marker)[kind],))
        with contextlib.suppress(Exception):
            project.learn()
        assert not marker.exists()
