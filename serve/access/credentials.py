"""What callers may present, as it is now: the tokens of the file and the admin tokens without name.

Files are looked at four times a second and read again when they have changed, so that a token that
was revoked stops working without a restart, in every server process.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic, time, time_ns

from converters.config.settings import Settings
from converters.logger import log
from serve.access import local_admin
from serve.access.caller import ADMIN_TOKEN, LOCAL_ADMIN, SCOPES, Caller, Scope
from serve.access.tokens import NEVER, Tokens, TokensDamagedError, file_of, lost, parsed
from serve.access.verifier import Verifier

LOOK_SECONDS = 0.25
# A file that changed this recently may change again without showing it: clocks of files are coarse.
SETTLED_NS = 2 * 10**9
REPLACED = "The token in admin.token is not accepted while another admin token can be used."


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the files.

    Attributes:
        verifier: of the tokens in the file.
        closed: the scopes that need a token.
        named_admin_until: the Unix time until which a token of the file allows ``admin``.
        local: hash of the local admin token.
        trouble: why the file of tokens cannot be used; it then lets nobody in.
    """

    verifier: Verifier
    closed: frozenset[Scope]
    named_admin_until: float
    local: bytes
    trouble: str = ""


class Credentials:
    """The tokens that this server accepts.

    Args:
        settings: name the files and perhaps an admin token.
        clock: Unix time in seconds.
        look_seconds: how often to look at the files.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._clock = clock
        self._look_seconds = look_seconds
        configured = local_admin.configured(settings)
        self._configured = _hash(configured)
        self._any_configured = bool(configured)
        self._file = file_of(settings)
        self._local = local_admin.path_of(settings)
        self._had_file = settings.serve.tokens is not None or self._file.was_here()
        self._seen: object = None
        self._held: object = None
        self._look_at = NEVER
        self._known = Known(Verifier(Tokens()), frozenset(SCOPES), NEVER, _hash(b""))

    def closed(self) -> frozenset[Scope]:
        """The scopes that need a token now."""
        return self._now().closed

    def trouble(self) -> str:
        """Why the file of tokens cannot be used; empty if it can."""
        return self._now().trouble

    def caller(self, presented: bytes) -> Caller | None:
        """Whose token this is, perhaps one that has ended; None if nobody's.

        Takes the same steps whatever is presented.
        """
        known, now = self._now(), self._clock()
        digest = sha256(presented).digest()
        named = known.verifier.caller(presented, now)
        configured = hmac.compare_digest(digest, self._configured)
        local = hmac.compare_digest(digest, known.local)
        if configured:
            return ADMIN_TOKEN
        if known.trouble:  # nobody is known while the file cannot be read
            return None
        others = self._any_configured or now < known.named_admin_until
        if local:
            return Caller(LOCAL_ADMIN.name, ended=REPLACED) if others else LOCAL_ADMIN
        return named

    def _now(self) -> Known:
        if (now := monotonic()) >= self._look_at:
            self._look_at = now + self._look_seconds
            self._look()
        return self._known

    def _look(self) -> None:
        """Read the files if they have changed."""
        seen = _sign(self._file.path), _sign(self._local)
        if seen == self._seen and None not in seen:
            return
        self._seen = seen
        content, trouble = None, ""
        try:
            content = self._content()
        except TokensDamagedError as error:
            trouble = str(error)
            self._seen = None  # perhaps for a moment: look again
        local = local_admin.read(self._local)
        if not local and not isinstance(seen[1], int):
            self._seen = None
        if (content, local, trouble) != self._held:
            self._held = content, local, trouble
            self._take(content, local, trouble)

    def _content(self) -> bytes | None:
        """The file of tokens, which does not open everything by being taken away."""
        content = self._file.content()
        if content is None and self._had_file:
            raise lost(self._file.path)
        self._had_file = content is not None
        return content

    def _take(self, content: bytes | None, local: bytes, trouble: str) -> None:
        """Go by this content from now on."""
        tokens = Tokens()
        if content is not None:
            try:
                tokens = parsed(self._file.path, content)
            except TokensDamagedError as error:
                trouble = str(error)
        if trouble:
            log.error("tokens cannot be read", error=trouble)
        admins = (token.end for token in tokens.tokens if "admin" in token.scopes)
        self._known = Known(
            Verifier(tokens),
            frozenset(SCOPES) if trouble else tokens.closed() | {"admin"},
            max(admins, default=NEVER),
            _hash(local),
            trouble,
        )


def _hash(token: bytes) -> bytes:
    """The hash of a token; of no token, one that nothing has."""
    return sha256(token).digest() if token else secrets.token_bytes(32)


def _sign(path: Path) -> object:
    """What tells a file from what it was before; None while it cannot be relied on."""
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    if time_ns() - found.st_mtime_ns < SETTLED_NS:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
