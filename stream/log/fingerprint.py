"""Checksums of records, so that a replay detects whether the log still has what was learned.

The journal keeps a checksum of each batch, a checkpoint the mark of the last record taken of each
partition. Offsets are not enough: a log that was truncated assigns them a second time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zlib import crc32

from stream.log.contract import Place, Record

# Records repeat a few sets of headers.
REMEMBERED_HEADERS = 1_024


class Mark(NamedTuple):
    """The last record taken of a partition: its offset and its checksum."""

    offset: int
    crc32: int


def checksum(records: Sequence[Record]) -> int:
    """CRC-32 over offsets, times, headers and values, in order."""
    whole = crc32(
        struct.pack(f">{2 * len(records)}q", *[n for r in records for n in (r.offset, r.time)])
    )
    parts = [record.value for record in records]
    if any(record.headers for record in records):
        headers = [_packed(record.headers) if record.headers else b"" for record in records]
        parts = [part for both in zip(parts, headers, strict=True) for part in both]
    # Joined first: a batch of records of three rows has thousands of parts.
    return crc32(b"".join(parts), whole)


def marks(records: Iterable[Record]) -> dict[Place, Mark]:
    """The mark of each partition's last record."""
    last = {record.place: record for record in records}
    return {place: Mark(record.offset, checksum([record])) for place, record in last.items()}


def to_json(marks: Mapping[Place, Mark]) -> list[list[Any]]:
    """Marks as a manifest holds them."""
    return [[*place, *mark] for place, mark in sorted(marks.items())]


def from_json(held: Iterable[Sequence[Any]]) -> dict[Place, Mark]:
    """The inverse of :func:`to_json`."""
    return {Place(topic, number): Mark(offset, crc) for topic, number, offset, crc in held}


@lru_cache(REMEMBERED_HEADERS)
def _packed(headers: tuple[tuple[str, bytes], ...]) -> bytes:
    return repr(headers).encode("utf-8", "surrogatepass")
