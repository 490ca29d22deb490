"""Nothing on disk is ever unpickled or evaluated, not even for one who can rewrite every hash.

An attacker's file stands in each place that is read, and manifest and registry row agree with it:
the learner refuses it, or takes it for the data that it is; the code in it never runs.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.errors import FreshetError
from learners.snapshot import CorruptSnapshotError, SnapshotError
from learners.snapshot.manifest import MANIFEST
from serve.loading import Loader
from stream.log import Outgoing
from tests.faults.corruption import (
    ROOT,
    Made,
    copied,
    forged,
    forged_ref,
    make,
    registry_file,
    snapshot_folder,
)
from tests.project import answers, same

PACKAGES = ("converters", "learners", "stream", "serve")
# Modules that run what they read, or are known to, and calls that do.
MODULES = {
    *("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
    *("torch", "yaml", "jsonpickle", "dbm", "code", "codeop", "runpy", "imp"),
}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {"read_pickle", "to_pickle", "load_module", "eval", "system"}


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


KINDS = tuple(weapons(Path("x")))


def test_the_weapons_work(tmp_path: Path) -> None:
    """Whoever unpickles or evaluates them does leave the file behind."""
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
    """In every file's place, with right hashes: refused by learner and server, and no code ran."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    content = weapons(marker)[kind]
    forged(project, made.points[-1], name, content)
    assert (snapshot_folder(project, made.points[-1]) / name).read_bytes() == content
    if name in {"model", MANIFEST}:
        with project.registry() as registry:
            loader = Loader(registry, project.snapshots(), project.schema)
            with pytest.raises(Exception):  # noqa: B017, PT011 - any error keeps the old model
                loader.load(made.points[-1].version or 0)
        assert not marker.exists()
    try:
        assert same(project.learn()) == same(made.report)
    except SnapshotError:  # of another format than this freshet reads: it stops, and says so
        assert (name, kind) == (MANIFEST, "json")
    assert answers(project.scores()) == made.answers
    assert not marker.exists()


@pytest.mark.parametrize("name", ["joins.json", "metrics.npz", "static-metrics.npz"])
@pytest.mark.parametrize("kind", KINDS)
def test_forged_joins_and_measures_are_never_run(
    made: Made, tmp_path: Path, name: str, kind: str
) -> None:
    """With right hashes: no code ran, and nothing was scored a second time."""
    project, marker = copied(made, tmp_path / "p"), tmp_path / "marker"
    forged(project, made.points[-1], name, weapons(marker)[kind])
    with contextlib.suppress(FreshetError, ValueError, KeyError, TypeError, EOFError):
        project.learn()
    assert not marker.exists()
    assert answers(project.scores()) == made.answers


@pytest.mark.parametrize("name", ["joins.json", "metrics.npz", "static-metrics.npz"])
def test_forged_joins_and_measures_are_passed_over(made: Made, tmp_path: Path, name: str) -> None:
    """Right hashes and other content: as with any damage, the checkpoint before is taken."""
    project = copied(made, tmp_path / "p")
    forged(project, made.points[-1], name, weapons(tmp_path / "marker")["npz"])
    assert same(project.learn()) == same(made.report)
    assert answers(project.scores()) == made.answers


@pytest.mark.parametrize("kind", KINDS)
def test_a_forged_manifest_of_the_right_format_is_refused(
    made: Made, tmp_path: Path, kind: str
) -> None:
    """One that names files elsewhere, or says of its files what is no hash and no size."""
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


def sources() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the four packages, with where it stands."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", node


def forbidden(node: ast.AST) -> str:
    """What is wrong with a node: the name of what could run what is read; empty if nothing."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = getattr(node, "module", None)
        names = [module] if module else [alias.name for alias in node.names]
        return next((name for name in names if name.split(".")[0] in MODULES), "")
    if isinstance(node, ast.Call):
        name = node.func
        if isinstance(name, ast.Name):
            return name.id if name.id in CALLS else ""
        if isinstance(name, ast.Attribute):
            return name.attr if name.attr in METHODS else unsafe_load(node, name)
    return ""


def unsafe_load(call: ast.Call, name: ast.Attribute) -> str:
    """``np.load`` that does not say ``allow_pickle=False``."""
    numpy = isinstance(name.value, ast.Name) and name.value.id in {"np", "numpy"}
    if not numpy or name.attr not in {"load", "save", "savez", "savez_compressed"}:
        return ""
    said = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
    return "" if said.get("allow_pickle") is False else f"np.{name.attr} with pickles"


def test_no_source_unpickles_or_evaluates() -> None:
    """No import and no call in the four packages could run what it reads."""
    assert not [f"{place}: {what}" for place, node in sources() if (what := forbidden(node))]


@pytest.mark.parametrize(
    "text",
    [
        *("import pickle", "from pickle import loads", "import torch.nn", "import yaml"),
        *(
            "eval('1')",
            "exec(x)",
            "np.load(path)",
            "np.load(p, allow_pickle=True)",
            "__import__(x)",
        ),
        *(
            "numpy.savez(f, **a)",
            "pandas.read_pickle(p)",
            "compile(a, b, c)",
            "from marshal import *",
        ),
    ],
)
def test_the_search_of_the_sources_finds_what_it_looks_for(text: str) -> None:
    """Each of these is found."""
    assert any(forbidden(node) for node in ast.walk(ast.parse(text)))
