"""URLs of the config as they may be printed, logged or stored: without what they keep secret.

A URL may be malformed just because of its password. So whatever stands before the last ``@`` is
masked, and not only what a parser would call the password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

MASK = "***"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:?)?")
# The schemes of files.
PATHS = ("sqlite", "file")
# Names of parameters whose values are secrets; more than drivers know, and misspelt ones.
_SECRET_NAME = re.compile(r"pas|pwd|secret|token|key|auth|cred|sig", re.IGNORECASE)
_PARAMETER = re.compile(r"([?&;])([^=&;?]*)=([^&;]*)")
# A password where a port should be: ``user:password/database``.
_NO_PORT = re.compile(r"[^\[\]/?#]*:(?!\d*(,|/|\?|#|$))[^\[\]/?#]+")
# The shortest part of a secret that is masked wherever it stands: shorter ones are in any text.
_LEAST = 3


def shown_url(url: str) -> str:
    """A URL without user, password and secret parameters: ``kafka://***@host:9092``."""
    before, after = _split(url)
    user, rest = _user(after)
    for found in _PARAMETER.finditer(after):  # a secret with an @ of its own
        if _SECRET_NAME.search(unquote(found[2])) and found.start() < len(user) < found.end():
            rest = f"@{MASK}{after[found.end() :]}"
    return before + (MASK if user else "") + _PARAMETER.sub(_parameter, rest)


def without_secrets(text: str, url: str) -> str:
    """A text, such as a driver's message, without any part of a URL's secrets."""
    for secret in sorted(set(_secrets(url)), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _split(url: str) -> tuple[str, str]:
    """What precedes a URL's user and password, and the rest; all of it if it is only a path."""
    scheme, slashes, rest = url.partition("//")
    if not slashes or not _SCHEME.fullmatch(scheme):
        return (url, "") if url.startswith("/") else ("", url)
    if rest.startswith("/") and scheme.startswith(PATHS):
        folder, slash, name = rest.rpartition("/")  # a question mark in a folder's name is one
        path, question, query = name.partition("?")
        return scheme + slashes + folder + slash + path, question + query
    return scheme + slashes, rest


def _user(after: str) -> tuple[str, str]:
    """User and password, and the rest from the ``@``; without one, what cannot be host and port."""
    user, at, rest = after.rpartition("@")
    if not at and (found := _NO_PORT.match(after)):
        return found[0], after[found.end() :]
    return user, at + rest


def _parameter(found: re.Match[str]) -> str:
    before, name, value = found.groups()
    if value and _SECRET_NAME.search(unquote(name)):
        value = MASK
    return f"{before}{name}={value}"


def _secrets(url: str) -> Iterator[str]:
    """Every part of a URL's secrets, as it is written and as it is meant."""
    after = _split(url)[1]
    parts = [v for _, name, v in _PARAMETER.findall(after) if _SECRET_NAME.search(unquote(name))]
    # The first is the user's name, which a driver may tell.
    user = _user(after)[0]
    parts += [user, user.partition(":")[2], *re.split(r"[:@/?#,]+", user)[1:]]
    for part in parts:
        for spelt in (part, unquote(part)):
            if len(spelt) >= _LEAST:
                yield spelt
