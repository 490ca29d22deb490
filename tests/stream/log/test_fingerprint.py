"""Checksums of records: journals of earlier releases have them, so they never change."""

from __future__ import annotations

import struct
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from stream.log import fingerprint
from stream.log.contract import Place, Record

HEADERS = st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), max_size=2).map(tuple)
NUMBERS = st.integers(-1, 2**40)
RECORDS = st.builds(
    Record, st.builds(Place, st.just("t"), st.integers(0, 2)), NUMBERS, NUMBERS,
    st.binary(max_size=5), HEADERS,
)  # fmt: skip


@given(st.lists(RECORDS, max_size=6))
def test_the_checksum_of_a_batch_is_what_it_always_was(records: list[Record]) -> None:
    """Offsets and times first, then each value with its headers behind it."""
    numbers = [number for record in records for number in (record.offset, record.time)]
    whole = crc32(struct.pack(f">{len(numbers)}q", *numbers))
    for record in records:
        whole = crc32(record.value, whole)
        if record.headers:
            whole = crc32(repr(record.headers).encode("utf-8", "surrogatepass"), whole)
    assert fingerprint.checksum(records) == whole


def test_a_known_batch_has_a_known_checksum() -> None:
    """Held as a number, for the test above follows the code's own words."""
    place = Place("t", 0)
    records = [Record(place, 7, 9, b"a,1"), Record(place, 8, 9, b"b", (("columns", b"x"),))]
    assert fingerprint.checksum(records) == 2_282_084_386
