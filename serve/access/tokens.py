"""The file of named tokens: who may call the server, kept by ``freshet token``.

A token reads ``fr_<id>_<secret>``. The file holds a salted hash of each and no secret; the secrets
are random and 256 bits long, so a fast hash is as good as a slow one. Tokens that were revoked or
have expired stay until they are forgotten: a scope for which a token was once made does not open
by itself.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    model_validator,
)

from converters.config.settings import Settings
from converters.errors import FreshetError, UsageError
from learners.registry.row_types import iso, utc_now
from serve.access.caller import ADMIN_TOKEN, LOCAL_ADMIN, SCOPES, Caller, Scope
from serve.access.private_file import lock_of, locked, replace

# Verifying reads the whole file when it has changed, between two requests.
MOST_TOKENS = 1000
LARGEST_FILE = 2 * 2**20
# Of a token, twice over. Each value of a damaged file could be an error that is built.
MOST_VALUES = 24
ID_BYTES, SECRET_BYTES, SALT_BYTES = 8, 32, 16
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = (ADMIN_TOKEN.name, LOCAL_ADMIN.name)
TOKEN = re.compile(rb"fr_([0-9a-f]{16})_[0-9a-f]{64}")
NEVER, ALWAYS = float("-inf"), float("inf")

NEW_LIST = (
    "begin a new list with 'freshet token add NAME --scope SCOPE --new-list'; then every scope "
    "that has no token in it is open to everybody, but for admin."
)

State = Literal["usable", "expired", "revoked"]


class TokenError(FreshetError):
    """A token cannot be added, changed or found."""


class TokensDamagedError(FreshetError):
    """The file of tokens is not one: it lets nobody in."""


class Token(BaseModel):
    """A token as the file has it: without its secret.

    Attributes:
        id: part of the token; finds it.
        name: what lists and the ledger call it.
        scopes: what it allows.
        sha256: of salt and token.
        expires: when it ends; None for never.
        revoked: when it was revoked; None if it was not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    name: str = Field(pattern=rf"^{NAME.pattern}$")
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None

    def state(self, now: datetime) -> State:
        """Whether it can be used, or why not."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and now >= self.expires else "usable"

    @property
    def end(self) -> float:
        """The Unix time until which it can be used."""
        if self.revoked is not None:
            return NEVER
        return ALWAYS if self.expires is None else self.expires.timestamp()

    @property
    def caller(self) -> Caller:
        """Whoever sends it while it can be used."""
        return Caller(self.name, frozenset(self.scopes))

    @property
    def late_caller(self) -> Caller:
        """Whoever sends it when it was revoked or has expired."""
        if self.revoked is not None:
            return Caller(
                self.name, ended=f"The token '{self.name}' was revoked at {iso(self.revoked)}."
            )
        until = "" if self.expires is None else iso(self.expires)
        return Caller(self.name, ended=f"The token '{self.name}' expired at {until}.")


class Tokens(BaseModel):
    """All tokens, in the order in which they were made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    tokens: Annotated[tuple[Token, ...], Field(max_length=MOST_TOKENS), FailFast()] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> Tokens:
        for names in ([t.name.lower() for t in self.tokens], [t.id for t in self.tokens]):
            if len(set(names)) < len(names):
                raise ValueError("two tokens have one name or one id")
        return self

    def find(self, name: str) -> Token:
        """The token of a name.

        Raises:
            TokenError: there is none; names those that there are.
        """
        for token in self.tokens:
            if token.name == name:
                return token
        names = ", ".join(token.name for token in self.tokens[:10])
        more = f"there are {names}" if names else "there is none at all"
        raise TokenError(f"There is no token {name!r}: {more}. 'freshet token list' shows them.")

    def closed(self) -> frozenset[Scope]:
        """The scopes for which there is a token, usable or not: they need one from everybody."""
        return frozenset(scope for token in self.tokens for scope in token.scopes)

    def usable(self, now: datetime) -> frozenset[Scope]:
        """The scopes for which there is a token that can be used."""
        tokens = [token for token in self.tokens if token.state(now) == "usable"]
        return frozenset(scope for token in tokens for scope in token.scopes)


class TokenFile:
    """The tokens on disk; each change is made under a lock, and is there in full or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def content(self) -> bytes | None:
        """The bytes of the file, or a few too many; None if there is no file.

        Raises:
            TokensDamagedError: it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                return file.read(LARGEST_FILE + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise damaged(self.path, error.strerror or str(error)) from None

    def read(self) -> Tokens:
        """All tokens; none if there never was a file.

        Raises:
            TokensDamagedError: the file cannot be read, is not one of tokens, or is gone.
        """
        was_here = self.was_here()
        content = self.content()
        if content is None and was_here:
            raise lost(self.path)
        return Tokens() if content is None else parsed(self.path, content)

    def was_here(self) -> bool:
        """Whether there was a file at some time: its lock stays when it goes away."""
        return lock_of(self.path).exists()

    def add(
        self,
        name: str,
        scopes: Sequence[str],
        expires: datetime | None,
        *,
        new_list: bool = False,
    ) -> tuple[Token, str]:
        """Make a token; it and its text, which is nowhere else.

        Args:
            name: of the token.
            scopes: that it allows.
            expires: when it ends; None for never.
            new_list: begin a new list in place of one that is gone.

        Raises:
            TokenError: there is one of this name, or a list where a new one is to begin.
            TokensDamagedError: the list is damaged, or is gone and no new one is to begin.
            UsageError: the name or the scopes are not allowed.
        """
        _check_name(name)
        made, text = minted(name, _checked(scopes), expires)

        def added(tokens: Tokens) -> Tokens:
            for token in tokens.tokens:
                if token.name.lower() == name.lower():
                    raise TokenError(
                        f"There is a token {token.name!r} already. Choose another name; or rotate "
                        "it for a new secret; or revoke and forget it, then add it again."
                    )
            if len(tokens.tokens) >= MOST_TOKENS:
                raise TokenError(
                    f"There are {MOST_TOKENS:,} tokens, the most that a server verifies. Forget "
                    "some that were revoked or have expired."
                )
            return Tokens(tokens=(*tokens.tokens, made))

        self._change(added, new_list=new_list)
        return made, text

    def revoke(self, name: str) -> Token:
        """Make a token unusable; one that was revoked before stays as it is.

        Raises:
            TokenError: there is none of this name.
        """
        now = utc_now()
        return self._update(name, lambda old: {} if old.revoked else {"revoked": now})

    def rotate(
        self, name: str, expires: datetime | None = None, *, forever: bool = False
    ) -> tuple[Token, str]:
        """Give a token a new id and secret; the old ones are unusable at once.

        Args:
            name: of the token.
            expires: when it ends from now on; None to leave that as it is.
            forever: let it never expire.

        Raises:
            TokenError: there is none of this name, it was revoked, or it has expired.
        """
        texts = []

        def rotated(old: Token) -> dict[str, Any]:
            if old.revoked is not None:
                raise TokenError(
                    f"The token {name!r} was revoked. Forget it, then add it again if it is to be "
                    "used once more."
                )
            until = None if forever else expires or old.expires
            if until is not None and until <= utc_now():
                raise TokenError(f"The token {name!r} expired {iso(until)}. Rotate with --expires.")
            fresh, text = minted(name, old.scopes, until)
            texts.append(text)
            return {"id": fresh.id, "salt": fresh.salt, "sha256": fresh.sha256, "expires": until}

        return self._update(name, rotated), texts[0]

    def forget(self, name: str) -> Token:
        """Drop a token that can no longer be used.

        Raises:
            TokenError: there is none of this name, or it can be used.
        """
        found = []

        def forgotten(tokens: Tokens) -> Tokens:
            found.append(old := tokens.find(name))
            if old.state(utc_now()) == "usable":
                raise TokenError(
                    f"The token {name!r} is in use. Revoke it first: forgetting the last token of "
                    "a scope opens that scope to everybody."
                )
            return Tokens(tokens=tuple(token for token in tokens.tokens if token is not old))

        self._change(forgotten)
        return found[0]

    def _update(self, name: str, change: Callable[[Token], dict[str, Any]]) -> Token:
        new: list[Token] = []

        def updated(tokens: Tokens) -> Tokens:
            old = tokens.find(name)
            new.append(old.model_copy(update=change(old)))
            return Tokens(tokens=tuple(new[0] if t is old else t for t in tokens.tokens))

        self._change(updated)
        return new[0]

    def _change(self, change: Callable[[Tokens], Tokens], *, new_list: bool = False) -> None:
        was_here = self.was_here()
        with locked(self.path):
            content = self.content()
            try:
                before = self._before(content, was_here=was_here, new_list=new_list)
                after = change(before)
                if after != before:
                    replace(self.path, after.model_dump_json(indent=2).encode() + b"\n")
            except BaseException:
                if content is None and not was_here:  # there is no file yet that could be missed
                    lock_of(self.path).unlink(missing_ok=True)
                raise

    def _before(self, content: bytes | None, *, was_here: bool, new_list: bool) -> Tokens:
        """The tokens that a change goes on from."""
        if content is not None and new_list:
            raise TokenError(
                f"There is a file of tokens {self.path}: --new-list begins one in place of a file "
                "that is gone. Leave the option out; or, if the file is damaged, move it away."
            )
        if content is None and was_here and not new_list:
            raise lost(self.path)
        return Tokens() if content is None else parsed(self.path, content)


def file_of(settings: Settings) -> TokenFile:
    """The file of tokens that a config names, or the one in its home."""
    return TokenFile(settings.serve.tokens or settings.home / "tokens.json")


def parsed(path: Path, content: bytes) -> Tokens:
    """The tokens in the bytes of a file.

    Raises:
        TokensDamagedError: they are not the content of such a file.
    """
    if len(content) > LARGEST_FILE:
        raise damaged(path, f"it has more than {LARGEST_FILE:,} bytes")
    if content.count(b",") > MOST_TOKENS * MOST_VALUES:
        raise damaged(path, f"it has more values than {MOST_TOKENS:,} tokens have")
    try:
        return Tokens.model_validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise damaged(path, f"{where}: {first['msg']}" if where else first["msg"]) from None


def minted(
    name: str, scopes: tuple[Scope, ...], expires: datetime | None = None
) -> tuple[Token, str]:
    """A new token and its text."""
    number, salt = secrets.token_hex(ID_BYTES), secrets.token_bytes(SALT_BYTES)
    text = f"fr_{number}_{secrets.token_hex(SECRET_BYTES)}"
    token = Token(
        id=number,
        name=name,
        scopes=scopes,
        salt=salt.hex(),
        sha256=sha256(salt + text.encode()).hexdigest(),
        created=utc_now(),
        expires=expires,
    )
    return token, text


def _checked(scopes: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes, each once and in one order."""
    wanted = tuple(scope for scope in SCOPES if scope in scopes)
    if not wanted or not set(scopes) <= set(wanted):
        unknown = ", ".join(sorted(set(scopes) - set(SCOPES)))
        raise UsageError(
            f"There is no scope {unknown or 'given'}: --scope is one of {', '.join(SCOPES)}."
        )
    return wanted


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot name a token: use up to 64 letters, digits, dots, underscores "
            "and hyphens, the first a letter or digit."
        )
    if name.lower() in RESERVED:
        raise UsageError(f"{name!r} is the name of the admin token without a name; choose another.")


def damaged(path: Path, why: str) -> TokensDamagedError:
    """The error for a file of tokens that lets nobody in."""
    return TokensDamagedError(
        f"The file of tokens {path} cannot be used: {why}. Nobody is let in where a token may be "
        f"needed. Restore it from a copy; or move it away and {NEW_LIST}"
    )


def lost(path: Path) -> TokensDamagedError:
    """The error for a file of tokens that is gone: that opens nothing."""
    return TokensDamagedError(
        f"The file of tokens {path} was here and is gone. Nobody is let in where a token may be "
        f"needed. Restore it from a copy; or {NEW_LIST}"
    )
