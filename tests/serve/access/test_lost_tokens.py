"""A file of tokens that was lost before a server starts: nothing opens by itself."""

from __future__ import annotations

from pathlib import Path
from time import sleep

import pytest
import structlog

from serve.access import tokens as tokens_module
from serve.access.caller import SCOPES
from serve.access.credentials import Credentials
from serve.access.private_file import PrivateFileError, lock_of, locked
from tests.serve.access.test_guard import bearer, settle, tokens_of
from tests.support.serving.command import freshet
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, client_of, maker_of, problem_of


def test_a_file_that_was_lost_before_the_start_lets_nobody_in(tmp_path: Path) -> None:
    """503 and a line in the log, until it is restored or a new list is begun."""
    project = a_project(tmp_path)
    with maker_of(project) as maker:
        maker.make()
    file = tokens_of(project)
    _, text = file.add("ci", ["score"], None)
    whole = file.path.read_bytes()
    file.path.unlink()
    with structlog.testing.capture_logs() as logs, client_of(project, ready=False) as client:
        for headers in ({}, bearer(text)):
            for path in ("/predict", "/events", "/promote"):
                answer = client.post(path, json={}, headers=headers)
                assert problem_of(answer)["status"] == 503, path
        ready = problem_of(client.get("/health/ready"))
        assert ready["status"] == 503
        assert "The file of tokens cannot be read" in ready["detail"]
        assert str(tmp_path) not in ready["detail"]
        (line,) = [line for line in logs if line["event"] == "tokens cannot be read"]
        assert "was here and is gone" in line["error"]
        file.path.write_bytes(whole)
        settle()
        while client.get("/health/ready").status_code != 200:
            sleep(0.01)
        assert client.post("/predict", json={}).status_code == 401
        assert client.post("/predict", json={}, headers=bearer(text)).status_code == 200
        file.path.unlink()
        settle()
        assert client.get("/health/ready").status_code == 503
        _, fresh = file.add("new", ["read"], None, new_list=True)
        settle()
        assert client.get("/status").status_code == 401
        assert client.get("/status", headers=bearer(fresh)).status_code == 200
        assert client.post("/predict", json={}).status_code == 200


@pytest.mark.parametrize("command", ["serve", "up"])
def test_a_server_does_not_start_without_the_file_that_its_config_names(
    tmp_path: Path, command: str
) -> None:
    """It would be open; a list that was never made is an error that names the key."""
    project = Project(tmp_path, more='[serve]\ntokens = "elsewhere.json"\n')
    result = freshet(command, "--port", "0", cwd=project.folder)
    assert result.returncode == 2
    for words in ("serve.tokens", str(tmp_path / "elsewhere.json"), "freshet token add", "remove"):
        assert words in result.stderr
    assert Credentials(project.settings).closed() == frozenset(SCOPES)


def test_making_the_first_token_closes_nothing_before_it_is_there(tmp_path: Path) -> None:
    """Its lock comes first, which a running server does not take for a file that was lost."""
    project = Project(tmp_path)
    credentials = Credentials(project.settings, look_seconds=0)
    assert credentials.closed() == {"admin"}
    file = tokens_of(project)
    with locked(file.path):
        assert credentials.closed() == {"admin"}
        assert credentials.trouble() == ""
    lock_of(file.path).unlink()
    file.add("ci", ["score"], None)
    assert credentials.closed() == {"score", "admin"}


def test_a_first_token_that_cannot_be_written_closes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: no lock is left that would tell the next start of a list that was lost."""
    file = tokens_of(Project(tmp_path))

    def full(*_: object) -> None:
        raise PrivateFileError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tokens_module, "replace", full)
        with pytest.raises(PrivateFileError):
            file.add("ci", ["score"], None)
    assert file.read().tokens == ()
    file.add("ci", ["score"], None)
    assert len(file.read().tokens) == 1
