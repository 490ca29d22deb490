"""Answers to HTTP requests that carry an ``Idempotency-Key``, kept for a day.

A key stands for one request and its one answer: a request that is sent again is answered as
before, without doing its work twice. The answers of a model are bounded in number and bytes; of
more, those to the oldest requests are forgotten, and their work is done anew if they are repeated.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import ColumnElement, delete, func, insert, select, update

from converters.logger import log
from learners.registry import database_tables
from learners.registry.database import Database, Part, Transaction
from learners.registry.errors import PostConflictError, PostInProgressError
from learners.registry.row_types import StoredResponse
from serve.http.problems import UnknownParameterError
from serve.http.turns import Work

KEY_HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
# Bytes whose digest is computed at once, in a fraction of a millisecond.
DIGESTED = 64 * 2**10
KEPT = timedelta(hours=24)
# Well over what a request may take: a server that has not answered by then has died.
ABANDONED = timedelta(seconds=60)
# Answers remembered for a model. The positions of 10,000 records are 630 KB, compressed a tenth.
MOST_KEYS, MOST_BYTES = 100_000, 64 * 2**20
# Counting them all takes some time, so each process does it after so many of its own.
COUNTED_KEYS, COUNTED_BYTES = 1_000, 2**20
# What is kept of the bounds when they are reached, so that this is seldom.
KEPT_SHARE = 0.9
# Before a compressed answer. Older rows are JSON as it is, which never begins so.
COMPRESSED = b"\0z"

_TABLE = database_tables.posts


@dataclass(frozen=True, slots=True)
class Key:
    """An idempotency key, and the digest of its request."""

    text: str
    request_sha256: str


def key_of(request: Request, kind: str, body: bytes) -> Work[Key | None]:
    """The request's idempotency key, which belongs to one route, media type and body."""
    text = request.headers.get(KEY_HEADER)
    if text is None:
        return None
    if not text.strip():
        raise UnknownParameterError(
            f"The header {KEY_HEADER} is empty: give a key or leave it out."
        )
    digest = hashlib.sha256(f"{request.url.path}\n{kind}\n".encode())
    for at in range(0, len(body), DIGESTED):
        digest.update(body[at : at + DIGESTED])
        yield
    return Key(text, digest.hexdigest())


class RepeatedRequests(Part):
    """The answered requests of one model."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        # Since they were counted last; changed by who has the registry's lock.
        self._keys, self._bytes = 0, 0

    def begin(self, key: str, request_sha256: str) -> StoredResponse | None:
        """The answer given before, or None: do the work, and give its answer to :meth:`finish`.

        Raises:
            PostConflictError: the key was used for another request.
            PostInProgressError: the first request with this key is still being answered.
        """
        with self._database.write() as change:
            answered = _answer(change, key, request_sha256)
            if answered is None:
                _claim(change, key, request_sha256)
            return answered

    def finish(self, key: str, response: StoredResponse) -> None:
        """Keep the answer for a repeated request."""
        body = COMPRESSED + zlib.compress(response.body, 1)
        values = {"status": response.status, "body": body}
        with self._database.write() as change:
            change.connection.execute(update(_TABLE).where(_this(change, key)).values(values))
            self._keys, self._bytes = self._keys + 1, self._bytes + len(body)
            if self._keys >= COUNTED_KEYS or self._bytes >= COUNTED_BYTES:
                self._keys, self._bytes = 0, 0
                _bound(change)

    def forget(self, key: str) -> None:
        """The request failed; it may be sent again with the same key at once."""
        with self._database.write() as change:
            change.connection.execute(delete(_TABLE).where(_this(change, key)))


def _answer(change: Transaction, key: str, request_sha256: str) -> StoredResponse | None:
    row = change.connection.execute(select(_TABLE).where(_this(change, key))).one_or_none()
    if row is None or row.at < change.now - KEPT:
        return None
    if row.request_sha256 != request_sha256:
        raise PostConflictError(
            "This Idempotency-Key was used before with another body or route: use a new key for "
            "a new request, or send the first request again unchanged."
        )
    if row.status is not None:
        return StoredResponse(row.status, _plain(row.body))
    if row.at > change.now - ABANDONED:
        raise PostInProgressError(
            "The first request with this Idempotency-Key is still being answered: send it again "
            "in a moment."
        )
    return None


def _claim(change: Transaction, key: str, request_sha256: str) -> None:
    """Begin a request, and delete old ones, so that the table stays small."""
    old = (_TABLE.c.model == change.model) & (_TABLE.c.at < change.now - KEPT)
    change.connection.execute(delete(_TABLE).where(old | _this(change, key)))
    values = {
        "model": change.model,
        "key_sha256": _digest(key),
        "request_sha256": request_sha256,
        "at": change.now,
    }
    change.connection.execute(insert(_TABLE).values(values))


def _bound(change: Transaction) -> None:
    """Forget the oldest answers if there are too many, or too long ones."""
    answered = (_TABLE.c.model == change.model) & _TABLE.c.status.is_not(None)
    size = func.length(_TABLE.c.body)
    counts = select(func.count(), func.coalesce(func.sum(size), 0)).where(answered)
    keys, total = change.connection.execute(counts).one()
    if keys <= MOST_KEYS and total <= MOST_BYTES:
        return
    newest = select(_TABLE.c.at, size).where(answered).order_by(_TABLE.c.at.desc())
    last = _newest_beyond((row[0], row[1]) for row in change.connection.execute(newest))
    gone = change.connection.execute(delete(_TABLE).where(answered & (_TABLE.c.at <= last)))
    log.warning(
        "too many idempotency keys: the oldest are forgotten, and repeating them appends again",
        model=change.model,
        keys=keys,
        bytes=int(total),
        forgotten=gone.rowcount,
    )


def _newest_beyond(answers: Iterable[tuple[datetime, int]]) -> datetime | None:
    """When the newest request that is to be forgotten began; times and sizes come newest first."""
    keys = held = 0
    for at, size in answers:
        keys, held = keys + 1, held + size
        if keys > KEPT_SHARE * MOST_KEYS or held > KEPT_SHARE * MOST_BYTES:
            return at
    return None


def _plain(body: bytes) -> bytes:
    """An answer as it was given."""
    if body.startswith(COMPRESSED):
        return zlib.decompress(body[len(COMPRESSED) :])
    return body


def _this(change: Transaction, key: str) -> ColumnElement[bool]:
    return (_TABLE.c.model == change.model) & (_TABLE.c.key_sha256 == _digest(key))


def _digest(key: str) -> str:
    """A client may choose a key of any length; its digest is always as short."""
    return hashlib.sha256(key.encode()).hexdigest()
