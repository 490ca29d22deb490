"""The admin token of this machine: ``<home>/admin.token``, for whoever may read the home.

``freshet serve`` makes it at its first start, so that admin routes need a token from the first
request on. It counts only while no other admin token can be used.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.files.private import FILE, OTHERS
from learners.registry.row_types import utc_now
from serve.access.caller import LOCAL_ADMIN
from serve.access.private_file import locked, replace
from serve.access.tokens import TOKEN, file_of, minted

FILE_NAME = "admin.token"
SHORTEST = 16
LONGEST = 4096


def path_of(settings: Settings) -> Path:
    """Where the token is."""
    return settings.home / FILE_NAME


def configured(settings: Settings) -> bytes:
    """The admin token of the environment or the config; empty if there is none.

    A header's value has no blanks around it.
    """
    token = settings.serve.admin_token
    return b"" if token is None else token.get_secret_value().strip().encode()


def read(path: Path) -> bytes:
    """The token in a file; empty if there is none, or none that was made here.

    A link, or a file of another user, may have been put there while the home was open to others.
    """
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    with os.fdopen(number, "rb") as file:
        found = os.fstat(number)
        owners = {os.geteuid(), path.parent.stat().st_uid}
        if not stat.S_ISREG(found.st_mode) or found.st_uid not in owners:
            return b""
        content = file.read(LONGEST).strip()
    return content if TOKEN.fullmatch(content) else b""


def ensure(settings: Settings) -> str | None:
    """The token in the file, made if there is none; None where another admin token counts.

    Several processes that start at once agree on one.

    Raises:
        PrivateFileError: there is none, and the home cannot be written.
        TokensDamagedError: the file of tokens cannot be read.
    """
    if _others(settings):
        return None
    path = path_of(settings)
    if not read(path):
        with locked(path):
            if not read(path):
                if path.is_symlink():  # what it leads to is not ours to replace
                    path.unlink()
                _, text = minted(LOCAL_ADMIN.name, ("admin",))
                replace(path, text.encode() + b"\n")
    elif path.stat().st_mode & OTHERS:
        with suppress(OSError):  # another user's
            path.chmod(FILE)
    return read(path).decode()


def local_admin_token(settings: Settings) -> str | None:
    """The admin token that programs on this machine use by themselves, if there is one for them."""
    if token := configured(settings):
        return token.decode()
    try:
        return None if _others(settings) else read(path_of(settings)).decode() or None
    except FreshetError:
        return None


def _others(settings: Settings) -> bool:
    """Whether an admin token is configured, or one of the file of tokens can be used."""
    return bool(configured(settings)) or "admin" in file_of(settings).read().usable(utc_now())
