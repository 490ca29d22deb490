"""``freshet token`` as a person and a script use it, and what a server makes of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from converters.errors import UsageError
from serve.access.caller import SCOPES
from serve.access.tokens import TOKEN, TokenFile
from serve.commands import token as token_commands
from serve.commands.serve import say_admin_token
from serve.commands.token import _moment
from tests.support.serving.command import freshet
from tests.support.serving.processes import until
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import ask, server_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project without tokens, and without servers that would have to be waited for."""
    monkeypatch.setattr(token_commands, "_wait_for_servers", lambda: None)
    return Project(tmp_path / "p")


def token(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that is done."""
    result = freshet("token", *arguments, cwd=project.folder)
    assert result.returncode == 0, result.stderr
    return result


def listed(project: Project) -> Any:
    """The list as JSON."""
    return json.loads(token(project, "list", "--json").stdout)


def test_the_token_alone_is_on_standard_output(project: Project) -> None:
    """A shell takes it; everything else is for the person, and says what has changed."""
    made = token(project, "add", "ci", "--scope", "score", "--scope", "read")
    assert TOKEN.fullmatch(made.stdout.removesuffix("\n").encode())
    for words in ("'ci'", "not shown again", "scope score was open", "scope read was open"):
        assert words in made.stderr
    assert made.stdout.strip() not in made.stderr
    more = token(project, "add", "batch", "--scope", "score")
    assert "was open" not in more.stderr
    rotated = token(project, "rotate", "ci")
    assert TOKEN.fullmatch(rotated.stdout.strip().encode())
    assert rotated.stdout != made.stdout


def test_json_is_one_document(project: Project) -> None:
    """With the token when it is made or rotated, and never again."""
    made = json.loads(token(project, "add", "ci", "--scope", "read", "--json").stdout)
    again = json.loads(token(project, "rotate", "ci", "--json").stdout)
    assert made["token"] != again["token"]
    (shown,) = listed(project)
    assert shown == {name: again[name] for name in again if name != "token"}
    revoked = json.loads(token(project, "revoke", "ci", "--json").stdout)
    assert (revoked["state"], "token" in revoked) == ("revoked", False)
    assert json.loads(token(project, "forget", "ci", "--json").stdout)["name"] == "ci"


def test_the_list_shows_states_and_no_secret(project: Project) -> None:
    """Names, scopes and ends, as a table and as JSON; without tokens, that all is open."""
    said = token(project, "list").stderr
    assert "There is no token" in said
    assert "needed for scope admin; open to everybody: score, ingest, read, metrics." in said
    assert listed(project) == []
    secrets = [
        token(project, "add", "ci", "--scope", "score", "--expires", "30d").stdout.strip(),
        token(project, "add", "ops", "--scope", "admin").stdout.strip(),
    ]
    token(project, "revoke", "ops")
    assert [(t["name"], t["state"]) for t in listed(project)] == [
        ("ci", "usable"),
        ("ops", "revoked"),
    ]
    said = token(project, "list").stderr
    assert "needed for scopes score, admin; open to everybody: ingest, read, metrics." in said
    table = token(project, "list").stdout
    assert "never" in table
    content = TokenFile(project.settings.home / "tokens.json").path.read_text()
    for secret in secrets:
        assert secret.rpartition("_")[2] not in f"{table}{listed(project)}{content}"


def test_each_command_names_its_file(project: Project) -> None:
    """On standard error, and in JSON: another folder's config has another list."""
    path = str(project.settings.home / "tokens.json")
    for arguments in (
        ("add", "ci", "--scope", "read"),
        ("list",),
        ("rotate", "ci"),
        ("revoke", "ci"),
        ("forget", "ci"),
    ):
        assert path in token(project, *arguments).stderr, arguments
    assert (
        json.loads(token(project, "add", "b", "--scope", "read", "--json").stdout)["file"] == path
    )
    assert [each["file"] for each in listed(project)] == [path]


def test_help_says_what_a_scope_is_and_what_is_the_default(project: Project) -> None:
    """All of the commands, the first token that closes a scope, names of arguments in capitals."""
    group = " ".join(token(project, "--help").stdout.split())
    for words in ("revoke, rotate and forget", "open to everybody", "first token", *SCOPES):
        assert words in group
    added = " ".join(token(project, "add", "--help").stdout.split())
    for words in ("[OPTIONS] {NAME}", "--expires WHEN", "never expires"):
        assert words in added


def test_what_a_revoked_token_leaves_is_told(project: Project) -> None:
    """That its scope stays closed, and how it is opened; then that it is open."""
    token(project, "add", "a", "--scope", "score")
    token(project, "add", "b", "--scope", "score")
    assert "stays closed" not in token(project, "revoke", "a").stderr
    said = token(project, "revoke", "b").stderr
    assert "stays closed" in said
    assert "freshet token forget b" in said
    assert "open to everybody" not in token(project, "forget", "a").stderr
    assert "scope score is left: it is open to everybody" in token(project, "forget", "b").stderr


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (("add", "a b", "--scope", "score"), 2, "'a b'"),
        (("add", "admin-token", "--scope", "score"), 2, "admin-token"),
        (("add", "a", "--scope", "write"), 2, "score, ingest, read, metrics, admin"),
        (("add", "a", "--scope", "score", "--expires", "soon"), 2, "30d"),
        (("add", "a", "--scope", "score", "--expires", "2020-01-01"), 2, "past"),
        (("add", "a", "--scope", "score", "--expires", "0d"), 2, "past"),
        (("add", "a", "--scope", "score", "--expires", "999999w"), 2, "30d"),
        (("add", "a", "--scope", "score", "--expires", "-1d"), 2, "30d"),
        (("revoke", "a"), 1, "'a'"),
        (("rotate", "a"), 1, "'a'"),
        (("forget", "a"), 1, "'a'"),
    ],
)
def test_what_is_wrong_is_one_paragraph(
    project: Project, arguments: tuple[str, ...], status: int, named: str
) -> None:
    """With exit status 2 for wrong usage, 1 for what is not there; nothing is written."""
    result = freshet("token", *arguments, cwd=project.folder)
    assert (result.returncode, result.stdout) == (status, "")
    assert named in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(project.settings.home.glob("tokens.json*")) == []  # or servers would close


def test_a_damaged_file_stops_every_command(project: Project) -> None:
    """The error names it, and it stays as it is."""
    path = project.settings.home / "tokens.json"
    path.parent.mkdir()
    path.write_text("{")
    for arguments in (("list",), ("add", "a", "--scope", "read"), ("revoke", "a"), ("forget", "a")):
        result = freshet("token", *arguments, cwd=project.folder)
        assert result.returncode == 1
        assert str(path) in result.stderr
    assert path.read_text() == "{"


@pytest.mark.parametrize("more", ["", '[serve]\ntokens = "elsewhere.json"\n'])
def test_a_list_that_is_gone_is_not_an_empty_one(tmp_path: Path, more: str) -> None:
    """Its lock is still there: every command says so, and a new list begins only when told to."""
    project = Project(tmp_path / "p", more=more)
    path = project.settings.serve.tokens or project.settings.home / "tokens.json"
    token(project, "add", "a", "--scope", "score", "--scope", "read")
    path.unlink()
    add = ("add", "b", "--scope", "score")
    for arguments in (("list",), ("list", "--json"), add, ("revoke", "a"), ("forget", "a")):
        result = freshet("token", *arguments, cwd=project.folder)
        assert (result.returncode, result.stdout) == (1, "")
        for words in (str(path), "was here and is gone", "Restore it", "--new-list"):
            assert words in result.stderr
    assert not path.exists()
    begun = token(project, *add, "--new-list").stderr
    assert "Warning: the tokens of the lost list are no longer accepted" in begun
    assert "open to everybody again, of ingest, read, metrics" in begun
    assert "The scope score was open, and now needs a token from everybody." in begun
    again = freshet("token", "add", "c", "--scope", "read", "--new-list", cwd=project.folder)
    assert again.returncode == 1
    assert "There is a file of tokens" in again.stderr
    assert [each["name"] for each in listed(project)] == ["b"]


def test_ends_are_told_in_utc() -> None:
    """A span from now, or a moment; without an offset it is UTC."""
    for span in ("90s", "2m", "12h", "30d", "4w"):
        assert _moment(span) is not None
    at = _moment("2099-01-31T12:00:00+02:00")
    assert at is not None
    assert at.isoformat() == "2099-01-31T10:00:00+00:00"
    assert _moment("2099-01-31") is not None
    assert _moment("never") is _moment(None) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20340301120000", "2034-03-01T12:00:00+00:00"),
        ("203403011200", "2034-03-01T12:00:00+00:00"),
        ("2034030112", "2034-03-01T12:00:00+00:00"),
        ("20340301", "2034-03-01T00:00:00+00:00"),
        ("2024837200", "2034-03-01T14:46:40+00:00"),
    ],
)
def test_an_end_in_digits(text: str, expected: str) -> None:
    """They are the calendar time that they form, else a count since 1970."""
    moment = _moment(text)
    assert moment is not None
    assert moment.isoformat() == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("20240301120000", "is in the past"),  # 2611 as milliseconds
        ("202403011200", "is in the past"),
        ("10 minutes ago", "is in the past"),
        (
            "2503011200",
            r"another time \(2503011200: 2049-04-26 .* or 2025-03-01 12:00:00 as YYMMDDhhmm",
        ),
        ("20341301120000", "is not a time"),
    ],
)
def test_an_end_that_is_none(text: str, said: str) -> None:
    """It is past, or no time, or two."""
    with pytest.raises(UsageError, match=said):
        _moment(text)


@pytest.mark.timeout(300)
def test_a_running_server_follows_the_commands(tmp_path: Path) -> None:
    """Two workers: closed by the first token, open after the last; the printed address's token."""
    project = a_project(tmp_path / "p")
    with maker_of(project) as maker:
        maker.make()
    with server_of(project, "--workers", "2") as server:

        def answered(text: str = "") -> set[int]:
            """What new connections are answered, by either worker."""
            return {ask(f"{server.address}/predict", {}, text)[0] for _ in range(6)}

        admin = server.admin_token
        assert (project.settings.home / "admin.token").read_text().strip() == admin
        said = server.said.read_text(encoding="utf-8").splitlines()
        assert (
            said[1] == f"The page with this machine's admin token: {server.address}/#token={admin}"
        )
        assert server.ask("/unpin", {"reason": "test"})[0] == 401
        assert server.ask("/unpin", {"reason": "test"}, admin)[0] == 200
        until(
            lambda: answered() | answered() | answered() == {200}
        )  # the other worker may not have loaded its model yet
        text = token(project, "add", "ci", "--scope", "score").stdout.strip()
        assert answered() == {401}
        assert answered(text) == answered(admin) == {200}
        fresh = token(project, "rotate", "ci").stdout.strip()
        assert answered(text) == {401}
        assert answered(fresh) == {200}
        token(project, "revoke", "ci")
        assert answered(fresh) == {401}
        assert answered() == {401}
        token(project, "forget", "ci")
        assert answered() == {200}
        server.process.terminate()
        assert server.process.wait(60) == 0
        printed = server.said.read_text(encoding="utf-8")
        (refused,) = [line for line in printed.splitlines() if "admin call refused" in line]
        assert re.search(r"peer=127\.0\.0\.1 .*request_id=\S+ .*route=/unpin", refused)
        assert text not in printed
        assert fresh not in printed


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('admin_token = ""', "is empty, which counts as not set"),
        ('admin_token = "short"', "has 5 characters and could be guessed"),
        ('admin_token = "long enough, and not to be guessed"', ""),
        ('admin = "off"', ""),
    ],
)
def test_a_server_says_what_its_admin_token_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str
) -> None:
    """A warning of one that is none or too short; the page's address where there is a local one."""
    settings = Project(tmp_path, more=f"[serve]\n{more}\n").settings
    say_admin_token(settings, "http://127.0.0.1:8000")
    printed = capsys.readouterr().err
    assert said in printed
    assert ("Warning" in printed) is bool(said)
    local = more == 'admin_token = ""'
    assert ("http://127.0.0.1:8000/#token=" in printed) is local
    assert "long enough" not in printed
