"""Checksums of records, so that a replay detects whether the log still has what was learned.

The journal keeps a checksum of each batch, a checkpoint the mark of the last record taken of each
partition. Offsets are not enough: a log that was truncated assigns them a second time.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple
from zlib import crc32

from stream.log.contract import Place, Record

# Records repeat a few sets of headers.
REMEMBERED_HEADERS = 1_024
# Shorter ones are joined first: a batch of records of three rows has thousands of parts.
LONG_VALUE = 1_024


class Mark(NamedTuple):
    """The last record taken of a partition: its offset and its checksum."""

    offset: int
    crc32: int


def checksum(records: Sequence[Record]) -> int:
    """CRC-32 over offsets, times, headers and values, in order."""
    if not records:
        return 0
    _, offsets, times, parts, headers, *_ = zip(*records, strict=True)
    numbers = chain.from_iterable(zip(offsets, times, strict=True))
    whole = crc32(struct.pack(f">{2 * len(records)}q", *numbers))
    if any(headers):
        said = [_packed(each) if each else b"" for each in headers]
        parts = tuple(chain.from_iterable(zip(parts, said, strict=True)))
    if sum(map(len, parts)) > LONG_VALUE * len(parts):
        for part in parts:
            whole = crc32(part, whole)
        return whole
    return crc32(b"".join(parts), whole)


def marks(records: Sequence[Record]) -> dict[Place, Mark]:
    """The mark of each partition's last record."""
    last = dict(zip(map(itemgetter(0), records), records, strict=True))
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
