"""What a server makes of the files of tokens while it runs: changes, ends, moments of trouble."""

from __future__ import annotations

import hmac
import os
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import structlog

from serve.access import credentials as credentials_module
from serve.access import verifier as verifier_module
from serve.access.caller import LOCAL_ADMIN, Caller
from serve.access.credentials import Credentials
from serve.access.local_admin import ensure, path_of
from serve.access.tokens import TokenFile
from tests.support.serving.project import Project

HOUR = timedelta(hours=1)


def ended(caller: Caller | None) -> bool:
    """Whether a caller is known, but may do nothing any more."""
    return caller is not None and bool(caller.ended) and not caller.scopes


def test_whatever_is_presented_takes_the_same_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many hashes and comparisons in constant time for ids that there are as for others."""
    project = Project(tmp_path)
    local = ensure(project.settings)
    assert local is not None
    file = TokenFile(project.settings.home / "tokens.json")
    right, expired, revoked = (
        file.add(name, ["score"], datetime.now(UTC) + after)[1].encode()
        for name, after in (("a", HOUR), ("b", -HOUR), ("c", HOUR))
    )
    file.revoke("c")
    credentials = Credentials(project.settings, look_seconds=3600)
    assert credentials.caller(right) is not None
    steps: list[str] = []

    def compared(one: bytes, other: bytes) -> bool:
        steps.append(f"compared {len(one)} with {len(other)}")
        return compare_digest(one, other)

    def hashed(content: bytes) -> Any:
        steps.append("hashed")
        return sha256(content)

    compare_digest = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", compared)
    for module in (verifier_module, credentials_module):
        monkeypatch.setattr(module, "sha256", hashed)
    seen = []
    for presented in (
        *(right, expired, revoked, local.encode(), right[:-1] + b"g", right[:-2], b"", b"x" * 90),
        b"fr_" + b"0" * 16 + right[19:],
    ):
        steps.clear()
        credentials.caller(presented)
        seen.append(list(steps))
    assert seen[0].count("hashed") == 2
    assert seen[0].count("compared 32 with 32") == 3
    assert all(each == seen[0] for each in seen)


def test_a_change_that_leaves_no_trace_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of a file system may stand still for longer than two changes take."""
    project = Project(tmp_path)
    file = TokenFile(project.settings.home / "tokens.json")
    file.add("a", ["score"], None)
    frozen = file.path.stat()
    credentials = Credentials(project.settings, look_seconds=0)
    stat = Path.stat

    def standing_still(path: Path, **options: bool) -> os.stat_result:
        return frozen if path == file.path else stat(path, **options)

    monkeypatch.setattr(Path, "stat", standing_still)
    for _ in range(3):
        _, text = file.rotate("a")
        assert credentials.caller(text.encode()) is not None


def test_a_servers_look_at_the_files_is_seldom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests in between cost no system call; a change at once after a look is still seen."""
    project = Project(tmp_path)
    file = TokenFile(project.settings.home / "tokens.json")
    looks: list[Path] = []
    stat = Path.stat

    def counted(path: Path, **options: bool) -> os.stat_result:
        looks.append(path)
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", counted)
    seldom = Credentials(project.settings, look_seconds=3600)
    looks.clear()
    for _ in range(100):
        assert seldom.caller(b"x") is None
    assert len(looks) == 2
    often = Credentials(project.settings, look_seconds=0)
    for number in range(20):  # faster than the clock of the file system
        _, text = file.add(f"a{number}", ["score"], None)
        assert often.caller(text.encode()) is not None
        file.revoke(f"a{number}")
        assert ended(often.caller(text.encode()))


def test_tokens_expire_without_a_change_of_the_file(tmp_path: Path) -> None:
    """At their moment; with the last usable admin token, the one of this machine is back."""
    project = Project(tmp_path)
    local = ensure(project.settings)
    assert local is not None
    file = TokenFile(project.settings.home / "tokens.json")
    _, text = file.add("ops", ["admin"], datetime.now(UTC) + HOUR)
    later = [0.0]
    now = datetime.now(UTC).timestamp()
    credentials = Credentials(project.settings, clock=lambda: now + later[0])
    assert credentials.caller(text.encode()) == Caller("ops", frozenset({"admin"}))
    assert ended(credentials.caller(local.encode()))
    later[0] = 3601
    assert ended(credentials.caller(text.encode()))
    assert credentials.caller(local.encode()) == LOCAL_ADMIN
    assert "admin" in credentials.closed()


def test_a_moment_of_trouble_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file descriptor to read with, all is closed, is told once, and opens by itself."""
    project = Project(tmp_path)
    local = ensure(project.settings)
    assert local is not None
    file = TokenFile(project.settings.home / "tokens.json")
    _, text = file.add("ci", ["score"], None)
    for path in (file.path, path_of(project.settings)):
        os.utime(path, (1, 1))  # long ago: nothing but the trouble is a reason to look again
    credentials = Credentials(project.settings, look_seconds=0)

    def no_descriptor(*_: object, **__: object) -> Any:
        raise OSError(24, "Too many open files")

    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(Path, "open", no_descriptor)
        for _ in range(3):
            assert credentials.caller(text.encode()) is None
            assert credentials.caller(local.encode()) is None
            assert "Too many open files" in credentials.trouble()
    assert [line["event"] for line in logs] == ["tokens cannot be read"]
    assert credentials.caller(text.encode()) == Caller("ci", frozenset({"score"}))
    assert credentials.caller(local.encode()) == LOCAL_ADMIN
    assert credentials.trouble() == ""
