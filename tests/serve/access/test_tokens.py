"""The file of tokens: what it keeps, who can read it, and what many processes at once do to it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from time import thread_time
from typing import Any

import pytest

from converters.errors import UsageError
from serve.access import private_file
from serve.access.caller import ANYBODY, SCOPES, Caller
from serve.access.private_file import PrivateFileError
from serve.access.tokens import (
    MOST_TOKENS,
    TokenError,
    TokenFile,
    Tokens,
    TokensDamagedError,
    minted,
    parsed,
)
from serve.access.verifier import Verifier
from tests.support import ROOT
from tests.support.pace import slowness

HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    """A file that is not there yet, in a folder that is not."""
    return TokenFile(tmp_path / "home" / "tokens.json")


def verified(file: TokenFile, text: str, after: timedelta = timedelta()) -> Caller | None:
    """Who may use a token, now or later."""
    at = (datetime.now(UTC) + after).timestamp()
    caller = Verifier(file.read()).caller(text.encode(), at)
    assert not (caller and caller.ended and caller.scopes)
    return None if caller and caller.ended else caller


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_nobody_else_can_read_what_is_written(file: TokenFile, umask: int) -> None:
    """0600 in a folder of 0700, whatever the umask; also when it replaces what could be read."""
    file.path.parent.mkdir(mode=0o700)
    before = os.umask(umask)
    try:
        file.add("a", ["score"], None)
        file.path.chmod(0o644)
        file.add("b", ["score"], None)
    finally:
        os.umask(before)
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in file.path.parent.iterdir()} <= {"tokens.json", "tokens.json.lock"}


def test_a_new_folder_is_its_owners_alone(file: TokenFile) -> None:
    """The home may be made by this command."""
    file.add("a", ["score"], None)
    assert file.path.parent.stat().st_mode & 0o777 == 0o700


def test_the_file_holds_a_salted_hash_and_no_secret(file: TokenFile) -> None:
    """Each with a salt of its own; the times are in UTC."""
    texts = [file.add(name, ["score", "read"], None)[1] for name in ("a", "b")]
    content = file.path.read_text(encoding="utf-8")
    kept = json.loads(content)["tokens"]
    assert len({token["salt"] for token in kept}) == 2
    for text, token in zip(texts, kept, strict=True):
        prefix, number, secret = text.split("_")
        assert (prefix, number, len(secret)) == ("fr", token["id"], 64)
        assert secret not in content
        assert token["sha256"] == sha256(bytes.fromhex(token["salt"]) + text.encode()).hexdigest()
        assert datetime.fromisoformat(token["created"]).utcoffset() == timedelta()
        assert (token["scopes"], token["expires"], token["revoked"]) == (
            ["score", "read"],
            None,
            None,
        )


def test_a_token_is_its_callers_until_it_is_revoked_rotated_or_expired(file: TokenFile) -> None:
    """And nothing that differs from it is."""
    _, text = file.add("a", ["score", "read"], datetime.now(UTC) + HOUR)
    assert verified(file, text) == Caller("a", frozenset({"score", "read"}))
    for wrong in (text[:-1], text + "0", text.upper(), f" {text}", text.replace("fr_", "fr-"), ""):
        assert verified(file, wrong) is None
    assert verified(file, text, HOUR) is None
    _, fresh = file.rotate("a")
    assert verified(file, text) is None
    assert verified(file, fresh) is not None
    assert verified(file, fresh, HOUR) is None
    file.rotate("a", forever=True)
    file.revoke("a")
    assert verified(file, fresh) is None
    assert file.read().closed() == {"score", "read"}
    assert file.read().usable(datetime.now(UTC)) == frozenset()


def test_one_tokens_secret_is_no_others(file: TokenFile) -> None:
    """An id with the secret of another token is nobody's."""
    texts = [file.add(name, ["score"], None)[1] for name in ("a", "b")]
    ids, secrets = zip(*(text.removeprefix("fr_").split("_") for text in texts), strict=True)
    assert verified(file, f"fr_{ids[0]}_{secrets[1]}") is None


@pytest.mark.parametrize(
    "name",
    ["", "-a", ".a", "a b", "a/b", "ä", "a\n", "a" * 65, "admin-token", "Local-Admin", "a,b"],
)
def test_names_are_plain_and_not_taken(file: TokenFile, name: str) -> None:
    """Others could not be typed, or would be mistaken for the admin tokens without a name."""
    with pytest.raises(UsageError, match="name"):
        file.add(name, ["score"], None)
    assert not file.path.exists()


def test_a_name_is_one_tokens(file: TokenFile) -> None:
    """Also in another case, and after it was revoked; forgotten, it is free."""
    first, _ = file.add("CI", ["score"], None)
    for name in ("CI", "ci"):
        with pytest.raises(TokenError, match="'CI'"):
            file.add(name, ["read"], None)
    file.revoke("CI")
    with pytest.raises(TokenError, match="'CI'"):
        file.add("CI", ["read"], None)
    file.forget("CI")
    second, _ = file.add("CI", ["read"], None)
    assert second.id != first.id
    assert file.read().closed() == {"read"}


def test_what_can_be_used_is_not_forgotten(file: TokenFile) -> None:
    """It is revoked first: the last token of a scope does not open it by mistake."""
    file.add("a", ["score"], None)
    with pytest.raises(TokenError, match="Revoke it first"):
        file.forget("a")
    assert file.revoke("a") == file.revoke("a")
    assert file.forget("a").name == "a"
    for change in (file.revoke, file.rotate, file.forget):
        with pytest.raises(TokenError, match="'a'"):
            change("a")


def test_what_cannot_be_used_gets_no_new_secret(file: TokenFile) -> None:
    """A revoked token; an expired one, unless it gets a new end."""
    file.add("a", ["score"], None)
    file.revoke("a")
    with pytest.raises(TokenError, match="revoked"):
        file.rotate("a")
    file.add("b", ["score"], datetime.now(UTC) - HOUR)
    with pytest.raises(TokenError, match="--expires"):
        file.rotate("b")
    _, text = file.rotate("b", datetime.now(UTC) + HOUR)
    assert verified(file, text) is not None


def damages(whole: dict[str, Any]) -> dict[str, bytes]:
    """What may be wrong with a file of one token."""
    (token,) = whole["tokens"]

    def with_token(**changes: object) -> bytes:
        return json.dumps({**whole, "tokens": [{**token, **changes}]}).encode()

    return {
        "empty": b"",
        "cut": json.dumps(whole).encode()[:-9],
        "no JSON": b"\x00" * 100,
        "a list": b"[]",
        "null": b"null",
        "deep": b"[" * 100_000,
        "another format": json.dumps({**whole, "format": 2}).encode(),
        "unknown key": json.dumps({**whole, "more": 1}).encode(),
        "unknown scope": with_token(scopes=["everything"]),
        "no scope": with_token(scopes=[]),
        "no hash": with_token(sha256=""),
        "short hash": with_token(sha256="0" * 63),
        "no salt": with_token(salt=""),
        "bad name": with_token(name="a b"),
        "bad time": with_token(expires="soon"),
        "local time": with_token(expires="2099-01-01T00:00:00"),
        "unknown field": with_token(until="2099"),
        "twice": json.dumps({**whole, "tokens": [token, token]}).encode(),
        "id twice": json.dumps({**whole, "tokens": [token, {**token, "name": "b"}]}).encode(),
        "many": b'{"format": 1, "tokens": [' + b",".join([b"{}"] * 600_000) + b"]}",
        "many fields": with_token(**{f"k{n}": 1 for n in range(100_000)}),
        "huge": json.dumps(whole).encode() + b" " * 3_000_000,
    }


@pytest.mark.parametrize("damage", damages({"tokens": [{}]}))
def test_a_damaged_file_is_an_error_and_is_left_alone(file: TokenFile, damage: str) -> None:
    """The message names the file, what is wrong and what to do; nothing overwrites it."""
    file.add("a", ["score"], None)
    content = damages(json.loads(file.path.read_bytes()))[damage]
    file.path.write_bytes(content)
    for use in (file.read, lambda: file.add("c", ["score"], None), lambda: file.revoke("a")):
        began = thread_time()
        with pytest.raises(TokensDamagedError, match=r"tokens\.json.*Restore it"):
            use()
        assert (thread_time() - began) / slowness() < 1  # servers read it between requests
    assert file.path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_not_an_empty_one(file: TokenFile) -> None:
    """A folder in its place, as a forgotten mount leaves one."""
    file.path.mkdir(parents=True)
    with pytest.raises(TokensDamagedError):
        file.read()


def test_a_write_that_fails_leaves_the_old_file(
    file: TokenFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the error says which file, and nothing is left beside it."""
    file.add("a", ["score"], None)
    before = file.path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(private_file.os, "fsync", full)  # type: ignore[attr-defined]
    with pytest.raises(PrivateFileError, match=r"tokens\.json cannot be written: No space"):
        file.add("b", ["score"], None)
    assert file.path.read_bytes() == before
    assert [p.name for p in file.path.parent.iterdir() if p.name.startswith(".tokens")] == []


def test_a_link_to_the_file_stays_one(file: TokenFile, tmp_path: Path) -> None:
    """The configuration may be kept elsewhere."""
    file.path.parent.mkdir()
    file.path.symlink_to(tmp_path / "kept.json")
    file.add("a", ["score"], None)
    file.add("b", ["score"], None)
    assert file.path.is_symlink()
    assert len(TokenFile(tmp_path / "kept.json").read().tokens) == 2


def test_processes_at_once_lose_nothing(file: TokenFile) -> None:
    """Four processes add ten tokens each, and every one of these is there and can be used."""
    code = (
        "import sys; from pathlib import Path; from serve.access.tokens import TokenFile\n"
        "file = TokenFile(Path(sys.argv[1]))\n"
        "for n in range(10): print(file.add(f'{sys.argv[2]}.{n}', ['score'], None)[1])"
    )
    command = [sys.executable, "-c", code, str(file.path)]
    processes = [
        subprocess.Popen([*command, f"p{n}"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    texts = [text for each in processes for text in each.communicate(timeout=60)[0].split()]
    assert len(texts) == len(file.read().tokens) == 40
    assert all(verified(file, text) is not None for text in texts)


def test_so_many_tokens_are_verified_in_microseconds(file: TokenFile) -> None:
    """As many as there may be, and no more."""
    made = [minted(f"t{n}", ("score",)) for n in range(MOST_TOKENS)]
    tokens = Tokens(tokens=tuple(token for token, _ in made))
    content = tokens.model_dump_json().encode()
    file.path.parent.mkdir()
    file.path.write_bytes(content)
    with pytest.raises(TokenError, match="1,000"):
        file.add("more", ["score"], None)
    assert parsed(file.path, content) == tokens
    verifier = Verifier(tokens)
    known = made[500][1].encode()
    seconds: list[float] = []
    for _ in range(500):
        began = thread_time()
        assert verifier.caller(known, 0.0) is not None
        seconds.append(thread_time() - began)
    assert statistics.median(seconds) / slowness() < 200e-6


def test_every_scope_can_be_given(file: TokenFile) -> None:
    """Several at once, kept in one order; others are refused by name."""
    token, _ = file.add("all", [*reversed(SCOPES), "read"], None)
    assert token.scopes == SCOPES
    assert token.caller.is_admin
    assert not ANYBODY.is_admin
    for scopes in ([], ["write"], ["score", "write"], ["Score"], ["score,read"]):
        with pytest.raises(UsageError, match="score, ingest, read, metrics, admin"):
            file.add("b", scopes, None)
