"""Secrets of the config and the environment: nowhere in what is printed, logged or stored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import typer

from serve.cli import app
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import server_of

SECRET = "zzhunter2zz"
URL = f"alice:{SECRET}@127.0.0.1:1"
# A place of a secret: an environment variable, and its value.
PLACES = [
    ("FRESHET_LOG", f"kafka://{URL}"),
    ("FRESHET_REGISTRY", f"postgresql://{URL}/db"),
    ("FRESHET_SNAPSHOTS", f"s3://key:{SECRET}@bucket/models"),
    ("FRESHET_SERVE__ADMIN_TOKEN", SECRET),
]
# Other spellings, for which a few commands stand for all.
SPELLINGS = [
    ("FRESHET_LOG", f"kafka://127.0.0.1:1?password={SECRET}"),
    ("FRESHET_LOG", f"kafka://alice:{SECRET}"),
    ("FRESHET_REGISTRY", f"postgresql://127.0.0.1:1/db?user=alice&password={SECRET}"),
    ("FRESHET_REGISTRY", f"postgresql://alice:p@{SECRET}:x@127.0.0.1:1/db"),
    ("FRESHET_REGISTRY", f"postgresql//{URL}/db"),
]
FEW = {"produce", "learn", "models", "dead-letters"}
# Places of the wrong shape.
WRONG = [
    ("FRESHET_SERVE", f'{{"admin_token": ["{SECRET}"]}}'),
    ("FRESHET_SERVE__ADMIN_TOKEN", f'["{SECRET}"'),
    ("FRESHET_LOG", f'["kafka://{URL}"'),
    ("FRESHET_TOPICS", f"kafka://{URL}"),
    ("FRESHET_SERVE__HOSTS", f'["https://{URL}"]'),
    ("FRESHET_SERVE__ORIGINS", f'["https://{URL}"]'),
    ("FRESHET_SERVE__ADMIN", URL),
    ("FRESHET_MODEL", f"kafka://{URL}"),
    ("FRESHET_COLUMNS", f"kafka://{URL}"),
]
ASKED = ("/", "/status", "/metrics", "/history", "/versions", "/versions/1", "/openapi.json")
# Those that run until they are stopped; the demo has a config of its own.
STAYING = {"serve", "up", "demo"}


def commands(csv: Path) -> list[list[str]]:
    """Every command that ends, with arguments that could work."""
    rows, change = [str(csv)], ["1", "--reason", "test"]
    arguments: dict[str, list[str]] = {
        "init": [*rows, "--label", "late", "--positive", "1", "-o", "other.toml"],
        "check": rows,
        "convert": [*rows, "-o", "out.vw"],
        "produce": rows,
        "learn": ["--until-end"],
        "score": [*rows, "-o", "scores.csv"],
        "backfill": rows,
        "show": ["1"],
        "promote": change,
        "rollback": change,
        "unpin": change[1:],
        "replay-dead-letters": rows,
    }
    names = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    made = [[name, *arguments.get(name, [])] for name in names if name not in STAYING | {"token"}]
    token = [["token", "add", "ci", "--scope", "read"], ["token", "rotate", "ci"]]
    return [*made, *token, ["token", "list"], ["token", "revoke", "ci"], ["token", "forget", "ci"]]


def kept(folder: Path) -> list[Path]:
    """The files below a folder that hold the secret, or are named by it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [p for p in files if SECRET in str(p) or SECRET.encode() in p.read_bytes()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that has learned something."""
    project = a_project(tmp_path_factory.mktemp("secrets"))
    project.write_csv(flights(50))
    with maker_of(project) as maker:
        maker.make()
    return project


def told_by(command: list[str], project: Project) -> str:
    """All that a command prints with ``--debug``: its error as a traceback, with the message."""
    result = freshet(*command, "--debug", cwd=project.folder)
    return result.stdout + result.stderr


@pytest.mark.parametrize(("variable", "value"), [*PLACES, *SPELLINGS])
def test_no_command_tells_a_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """On no stream, in no file of its folder or home, and not in a traceback of ``--debug``."""
    monkeypatch.setenv(variable, value)
    for command in commands(project.folder / "rows.csv"):
        if (variable, value) in SPELLINGS and command[0] not in FEW:
            continue
        assert SECRET not in told_by(command, project), command
    assert kept(project.folder) == []


@pytest.mark.parametrize(("variable", "value"), WRONG)
def test_no_error_of_the_config_tells_a_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A secret in the wrong place, or of the wrong shape, is not quoted."""
    monkeypatch.setenv(variable, value)
    assert SECRET not in told_by(["models"], project)


def test_a_secret_in_a_broken_file_is_not_quoted(project: Project) -> None:
    """What is not TOML, and a key that there is not."""
    text = project.config_file.read_text(encoding="utf-8")
    file = project.folder / "broken.toml"
    for more in (f'log = "kafka://{URL}', f'secret = "{URL}"', f'log = ["kafka://{URL}"]'):
        file.write_text(f"{more}\n{text}", encoding="utf-8")
        said = told_by(["models", "--config", str(file)], project)
        assert "broken.toml" in said
        assert SECRET not in said
    file.unlink()


@pytest.mark.parametrize(
    "line",
    [
        "security.protocol={}",
        "bootstrap.servers=u:{}@h",
        "request.timeout.ms={}",
        "security.protocol=SASL_SSL\nsasl.mechanism=PLAIN\nsasl.jaas.config=x required p='{}'",
        "security.protocol=SSL\nssl.truststore.certificates={}",
        "security.protocol=SSL\nssl.keystore.location=rows.csv\nssl.keystore.password={}",
        "sasl.password={}",
        "{}=\\u12",
    ],
)
def test_no_error_of_a_properties_file_tells_a_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """A secret in any place of it, and not in a traceback either."""
    file = project.folder / "client.properties"
    file.write_text(f"basic.auth.user.info={SECRET}\n{line.format(SECRET)}\n", encoding="utf-8")
    monkeypatch.setenv("FRESHET_LOG", "kafka://127.0.0.1:1")
    monkeypatch.setenv("FRESHET_KAFKA__BOOTSTRAP_TIMEOUT_MS", "1000")
    assert SECRET not in told_by(["scores", "--kafka-config", str(file)], project)
    file.unlink()


def test_neither_server_nor_supervisor_tells_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in an answer, whatever is asked, nor in any line of a log or file of the home."""
    project = a_project(tmp_path, more="[serve]\naccess_log = true\n")
    with maker_of(project) as maker:
        maker.make()
    monkeypatch.setenv("FRESHET_REGISTRY", f"postgresql://{URL}/db")
    up = [sys.executable, "-m", "serve.cli", "up", "--config", str(project.config_file)]
    with subprocess.Popen([*up, "--port", "0"], stderr=subprocess.PIPE, cwd=ROOT) as process:
        monkeypatch.delenv("FRESHET_REGISTRY")
        monkeypatch.setenv("FRESHET_LOG", f"kafka://{URL}")
        monkeypatch.setenv("FRESHET_SERVE__ADMIN_TOKEN", SECRET)
        with server_of(project) as server:
            row = {"id": "f1", "label": 1}
            told = [server.ask(path) for path in ASKED]
            told += [server.ask("/labels", row), server.ask("/events", row)]
            said = server.said.read_text(encoding="utf-8")
        assert b"freshet: " in (said_by_up := process.communicate(timeout=60)[1])
    assert SECRET not in "\n".join([said, said_by_up.decode(), *(body for _, body in told)])
    assert all(status for status, _ in told)
    assert kept(tmp_path) == []
