"""Ids as they are remembered: bounded, whatever somebody calls an event."""

from __future__ import annotations

from hashlib import blake2b

# Ids this short are kept as they are; longer ones as a digest of this many bytes.
DIGEST_BYTES = 16


def key_of(id_: str) -> str:
    """An id as it is remembered: bounded, and never equal to another's.

    A digest is kept as a string, a character a byte; its leading NUL makes it longer than any id
    that is kept as itself.
    """
    if len(id_) <= DIGEST_BYTES:
        return id_
    digest = blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest()
    return "\0" + digest.decode("latin-1")
