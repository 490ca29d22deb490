"""The admin token of this machine: made once, for its owner alone, while no other one counts."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from converters.errors import FreshetError
from serve.access import local_admin, private_file
from serve.access.caller import LOCAL_ADMIN
from serve.access.credentials import Credentials
from serve.access.local_admin import ensure, local_admin_token
from serve.access.tokens import TokenFile
from serve.commands.serve import say_admin_token
from tests.support.serving.project import Project


def test_the_token_of_this_machine_is_made_once(tmp_path: Path) -> None:
    """Processes that start at once agree on it; only its owner can read it; clients find it."""
    project = Project(tmp_path)
    assert local_admin_token(project.settings) is None
    before = os.umask(0)
    try:
        with ThreadPoolExecutor(8) as threads:
            made = set(threads.map(lambda _: ensure(project.settings), range(16)))
    finally:
        os.umask(before)
    (token,) = made
    path = project.settings.home / "admin.token"
    assert path.read_text() == f"{token}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert local_admin_token(project.settings) == token
    path.chmod(0o644)
    assert ensure(project.settings) == token
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\n", b"secret", b"fr_0123456789abcdef_", b"\xff" * 84])
def test_a_damaged_token_of_this_machine_opens_nothing(tmp_path: Path, content: bytes) -> None:
    """It is no token; the next start replaces it."""
    project = Project(tmp_path)
    project.settings.home.mkdir()
    path = project.settings.home / "admin.token"
    path.write_bytes(content)
    credentials = Credentials(project.settings)
    for presented in {content, content.strip()}:
        assert credentials.caller(presented) is None
    token = ensure(project.settings)
    assert token is not None
    assert Credentials(project.settings).caller(token.encode()) == LOCAL_ADMIN


def test_a_planted_token_is_not_taken(tmp_path: Path) -> None:
    """A link or a file of another user: replaced, and what the link leads to is kept."""
    project = Project(tmp_path / "a")
    path = project.settings.home / "admin.token"
    planted = ensure(Project(tmp_path / "other").settings)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(f"{planted}\n")
    project.settings.home.mkdir()
    path.symlink_to(elsewhere)
    assert local_admin_token(project.settings) is None
    made = ensure(project.settings)
    assert made not in (None, planted)
    assert elsewhere.read_text() == f"{planted}\n"
    assert local_admin_token(project.settings) == made
    if os.geteuid() == 0:
        os.chown(path, 12_345, -1)
        assert local_admin_token(project.settings) is None
        assert ensure(project.settings) not in (None, made)


def test_no_token_of_this_machine_where_another_admin_token_counts(tmp_path: Path) -> None:
    """A configured one, or a named one that can be used: neither is made, nor given to clients."""
    configured = Project(tmp_path / "a", more='[serve]\nadmin_token = "of the test, long"\n')
    assert ensure(configured.settings) is None
    assert local_admin_token(configured.settings) == "of the test, long"
    named = Project(tmp_path / "b")
    file = TokenFile(named.settings.home / "tokens.json")
    file.add("ops", ["admin"], None)
    assert ensure(named.settings) is None
    assert local_admin_token(named.settings) is None
    file.revoke("ops")
    assert ensure(named.settings) == local_admin_token(named.settings) is not None


def test_a_home_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the file; a token that is there already is used all the same."""
    project = Project(tmp_path)

    def read_only(*_: object, **__: object) -> Callable[[], None]:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(private_file, "FileLock", read_only)
        with pytest.raises(FreshetError, match=r"admin\.token cannot be written: Read-only"):
            ensure(project.settings)
    token = ensure(project.settings)
    with monkeypatch.context() as patch:
        patch.setattr(private_file, "FileLock", read_only)
        assert ensure(project.settings) == token
    assert local_admin.path_of(project.settings).exists()


def test_a_server_without_a_token_says_that_its_admin_routes_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It starts all the same, and the reason names the file."""
    project = Project(tmp_path)

    def read_only(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(private_file, "FileLock", read_only)
    say_admin_token(project.settings, "http://127.0.0.1:8000")
    said = capsys.readouterr().err
    assert "The admin routes are closed" in said
    assert "admin.token cannot be written: Read-only file system" in said
    assert "#token=" not in said
