"""Answers to HTTP requests that carry an ``Idempotency-Key``, kept for a day.

A key stands for one request and its one answer: a request that is sent again is answered as
before, without doing its work twice.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, insert, select, update

from learners.registry import database_tables
from learners.registry.database import Part, Transaction
from learners.registry.errors import PostConflictError, PostInProgressError
from learners.registry.row_types import StoredResponse

KEPT = timedelta(hours=24)
# Well over what a request may take: a server that has not answered by then has died.
ABANDONED = timedelta(seconds=60)

_TABLE = database_tables.posts


class RepeatedRequests(Part):
    """The answered requests of one model."""

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
        values = {"status": response.status, "body": response.body}
        with self._database.write() as change:
            change.connection.execute(update(_TABLE).where(_this(change, key)).values(values))

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
        return StoredResponse(row.status, row.body)
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


def _this(change: Transaction, key: str) -> ColumnElement[bool]:
    return (_TABLE.c.model == change.model) & (_TABLE.c.key_sha256 == _digest(key))


def _digest(key: str) -> str:
    """A client may choose a key of any length; its digest is always as short."""
    return hashlib.sha256(key.encode()).hexdigest()
