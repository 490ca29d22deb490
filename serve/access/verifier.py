"""Compares what callers send with the tokens of the file, in a time that tells nothing of them."""

from __future__ import annotations

import hmac
import secrets
from hashlib import sha256

from serve.access.caller import Caller
from serve.access.tokens import NEVER, SALT_BYTES, TOKEN, Tokens


class Verifier:
    """Some tokens, ready to be compared with what callers send: microseconds each."""

    def __init__(self, tokens: Tokens) -> None:
        self._by_id = {
            token.id.encode(): (
                bytes.fromhex(token.salt),
                bytes.fromhex(token.sha256),
                token.end,
                token.caller,
                token.late_caller,
            )
            for token in tokens.tokens
        }
        # What is compared with where there is no such id, so that it takes as long.
        self._nobody = bytes(SALT_BYTES), secrets.token_bytes(32), NEVER, Caller(), Caller()

    def caller(self, presented: bytes, now: float) -> Caller | None:
        """Whose token this is at this Unix time, perhaps one that has ended; None if nobody's."""
        found = TOKEN.fullmatch(presented)
        known = self._by_id.get(found[1] if found else b"", self._nobody)
        salt, expected, end, caller, late_caller = known
        right = hmac.compare_digest(sha256(salt + presented).digest(), expected)
        holder = caller if now < end else late_caller
        return holder if right else None
