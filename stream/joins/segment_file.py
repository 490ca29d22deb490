"""A segment's file: some rows of a queue, written once and never changed.

Stands below :mod:`stream.joins.segments`. Arrays of numpy without pickles, compressed whole; the
snapshot's manifest has its hash.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from converters.files.zstd import compress, decompress
from learners.metrics.arrays import AnyArray, IntArray
from stream.joins.columns import Block, Layout
from stream.joins.frames import LEVEL

# The names of columns stand behind these, so that none is taken for another array.
FLOAT, INTEGER = "float.", "integer."


@dataclass(frozen=True)
class Rows:
    """Rows of a queue, oldest first."""

    keys: Sequence[str]
    codes: Sequence[int]
    times: IntArray
    block: Block
    frames: Sequence[bytes]


def to_bytes(rows: Rows, layout: Layout) -> bytes:
    """The content of a file."""
    arrays = {
        "keys": _bytes("".join(rows.keys).encode("utf-8", "surrogatepass")),
        "key_lengths": np.fromiter(map(len, rows.keys), np.uint8, len(rows.keys)),
        "codes": np.fromiter(rows.codes, np.uint8, len(rows.codes)),
        "times": rows.times,
        "frames": _bytes(b"".join(rows.frames)),
        "frame_lengths": np.fromiter(map(len, rows.frames), np.int64, len(rows.frames)),
        **{FLOAT + name: rows.block.floats[at] for at, name in enumerate(layout.floats)},
        **{INTEGER + name: rows.block.integers[at] for at, name in enumerate(layout.integers)},
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return compress(file.getbuffer(), LEVEL)


def from_bytes(content: bytes, layout: Layout) -> Rows:
    """The rows of a file, under a layout that may have got or lost columns since."""
    with np.load(io.BytesIO(decompress(content)), allow_pickle=False) as arrays:
        found = dict(arrays)
    keys = found["keys"].tobytes().decode("utf-8", "surrogatepass")
    frames = found["frames"].tobytes()
    return Rows(
        [keys[begin:end] for begin, end in _spans(found["key_lengths"])],
        found["codes"].tolist(),
        found["times"],
        _block(found, layout, len(found["times"])),
        [frames[begin:end] for begin, end in _spans(found["frame_lengths"])],
    )


def _block(arrays: Mapping[str, AnyArray], layout: Layout, rows: int) -> Block:
    block = Block.empty(layout, rows)
    for at, name in enumerate(layout.floats):
        found = name if FLOAT + name in arrays else layout.alike.get(name, "")
        if FLOAT + found in arrays:
            block.floats[at] = arrays[FLOAT + found]
    for at, name in enumerate(layout.integers):
        if INTEGER + name in arrays:
            block.integers[at] = arrays[INTEGER + name]
    return block


def _spans(lengths: AnyArray) -> list[tuple[int, int]]:
    ends = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).tolist()
    return list(pairwise(ends))


def _bytes(content: bytes) -> AnyArray:
    return np.frombuffer(content, np.uint8)
