"""How records stand in the tables of a SQLite log: putting them in, and the form of their headers.

Stands between :mod:`stream.log_sqlite.file`, which opens the file, and the log, its readers and its
writers. Nothing here begins or ends a transaction.
"""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

from stream.log.contract import Outgoing, Place, UnknownTopicError
from stream.log_sqlite.file import OFFSET_BITS

Headers: TypeAlias = tuple[tuple[str, bytes], ...]

LENGTH = struct.Struct(">I")
# Records repeat a few sets of headers; each is packed and unpacked once while it is in use.
REMEMBERED_HEADERS = 4_096


def insert(
    connection: sqlite3.Connection, topic: str, records: Sequence[tuple[Outgoing, int]]
) -> list[tuple[int, int]]:
    """Put records with their times at the ends of their partitions, inside a transaction.

    Returns:
        The (partition, offset) of each record.

    Raises:
        UnknownTopicError: the topic or a partition is not there; the transaction must not commit.
    """
    firsts, nexts = _partitions(connection, topic)
    if not nexts:
        raise unknown(Place(topic, 0), 0)
    rows, given = [], []
    for record, time in records:
        number = record.partition
        if number not in nexts:
            raise unknown(Place(topic, number), len(nexts))
        offset = nexts[number]
        nexts[number] = offset + 1
        headers = packed(record.headers)
        rows.append((firsts[number] + offset, time, record.value, headers, record.key))
        given.append((number, offset))
    connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?, ?)", rows)
    connection.executemany(
        "UPDATE partitions SET next_offset = ? WHERE topic = ? AND number = ?",
        [(offset, topic, number) for number, offset in nexts.items()],
    )
    return given


def _partitions(
    connection: sqlite3.Connection, topic: str
) -> tuple[dict[int, int], dict[int, int]]:
    """The id of each partition's record 0, and each partition's next offset."""
    rows = connection.execute(
        "SELECT number, id, next_offset FROM partitions WHERE topic = ?", (topic,)
    ).fetchall()
    return {row[0]: row[1] << OFFSET_BITS for row in rows}, {row[0]: row[2] for row in rows}


def unknown(place: Place, partitions: int) -> UnknownTopicError:
    """The error for a partition that is not there."""
    if partitions:
        return UnknownTopicError(
            f"Topic {place.topic} has {partitions} partition(s), so there is no partition"
            f" {place.partition}."
        )
    return UnknownTopicError(
        f"There is no topic {place.topic} in this log. Check its name in the section `topics`, or"
        " start `freshet learn` or `freshet produce`, which create it."
    )


@lru_cache(REMEMBERED_HEADERS)
def packed(headers: Headers) -> bytes | None:
    """Headers as one value: each name and content after its length; None where there are none."""
    if not headers:
        return None
    parts = [part for name, content in headers for part in (name.encode(), content)]
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


@lru_cache(REMEMBERED_HEADERS)
def unpacked(value: bytes | None) -> Headers:
    """What :func:`packed` was given."""
    parts, at = [], 0
    while value and at < len(value):
        (length,) = LENGTH.unpack_from(value, at)
        at += LENGTH.size + length
        parts.append(value[at - length : at])
    return tuple(zip((name.decode() for name in parts[::2]), parts[1::2], strict=True))
