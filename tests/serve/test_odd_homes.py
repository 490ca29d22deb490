"""Homes whose names mean something in a URL: each has its own files, and everything works there."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from learners.registry import Registry
from learners.registry.errors import RegistryError
from serve.cli import app
from tests.support.serving.project import COLUMNS, Project, flights
from tests.support.serving.served import client_of

ODD = ("a?x", "a?y", "a#b;é:日", "100%", "a%3fx", "a b\n&c")
ROWS = flights(40)


def run(project: Project, *arguments: str) -> str:
    """What a command prints on standard output."""
    result = CliRunner().invoke(
        app, [*arguments, "--config", str(project.config_file)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def project_in(folder: Path) -> Project:
    """A model that makes a version of twenty rows."""
    return Project(folder, args="-b 10", more="[checkpoint]\nevents = 20")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    """Side by side, one for each name: each has learned other rows than its neighbours."""
    folder, made = tmp_path_factory.mktemp("homes"), {}
    for number, name in enumerate(ODD):
        made[name] = project = project_in(folder / name)
        project.produce(project.write_csv(ROWS[: 20 + number]))
        project.learn()
    return made


def test_each_has_its_own_files_and_nothing_else_is_made(homes: dict[str, Project]) -> None:
    """A folder beside another one is not cut at its question mark."""
    (parent,) = {project.folder.parent for project in homes.values()}
    assert {path.name for path in parent.iterdir()} == set(ODD)
    for number, project in enumerate(homes.values()):
        assert {path.name for path in project.folder.iterdir()} == {
            *("freshet.toml", "rows.csv", ".freshet")
        }
        assert {"log.db", "registry.db", "snapshots"} <= {
            path.name for path in (project.folder / ".freshet").iterdir()
        }
        with project.registry() as registry:
            assert registry.versions.all()[-1].events["learned"] == 20 + number


@pytest.mark.parametrize("name", ODD)
def test_it_is_served_rolled_back_and_reported(homes: dict[str, Project], name: str) -> None:
    """What a user does with a home works in each."""
    project = homes[name]
    row = dict(zip(COLUMNS, ROWS[0], strict=True))
    with client_of(project) as client:
        answer = client.post("/predict", json={c: row[c] for c in COLUMNS if c != "late"})
        assert answer.status_code == 200, answer.text
    version = str(answer.json()["version"])
    run(project, "rollback", version, "--reason", "a test")
    assert "log loss" in run(project, "report").lower()
    assert next(csv.reader(run(project, "scores").splitlines()))[0] == "topic"
    assert run(project, "config", "diff").startswith("Nothing differs")


def test_a_registry_that_was_cut_is_not_begun_anew(tmp_path: Path) -> None:
    """An earlier release kept the one of ``a?x`` in ``a``: it is to be copied to its place."""
    Registry(f"sqlite:///{tmp_path}/a", "flights").close()
    project = project_in(tmp_path / "a?x")
    for _ in range(2):
        with pytest.raises(RegistryError, match=r"cut its path.* copy .*/a, .* to .*a\?x/"):
            Registry(project.settings.registry, "flights")
    Registry(project.settings.registry, "another").close()
