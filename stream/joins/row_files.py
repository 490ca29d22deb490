"""A segment's file: some rows of a queue, written once and never changed.

Numpy arrays without pickles, compressed as a whole; the texts are frames of rows inside it.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from converters.files.compressed import zstd
from learners.metrics.arrays import AnyArray, IntArray
from stream.joins.column_store import Block, Layout

# More texts in a frame compress better, fewer decompress faster: 0.1 ms for 256 rows of 12
# columns.
IN_FRAME = 256
# Level 1 compresses these texts at 450 MB/s, less work than hashing and writing them uncompressed.
LEVEL = 1
# Labels mostly come roughly in the order of their events, so that one frame serves many in a row.
CACHED = 256

# No text contains one: a text is one line for a learner.
BETWEEN = "\n"


def packed(texts: Sequence[str]) -> list[bytes]:
    """The texts as frames."""
    starts = range(0, len(texts), IN_FRAME)
    return [pack(BETWEEN.join(texts[at : at + IN_FRAME])) for at in starts]


def unpacked(frames: Sequence[bytes]) -> list[str]:
    """The texts of all frames, in order."""
    return [text for frame in frames for text in unpack(frame).split(BETWEEN)]


def pack(text: str) -> bytes:
    """A text, compressed."""
    return zstd.compress(text.encode("utf-8", "surrogatepass"), LEVEL)


def unpack(frame: bytes) -> str:
    """What :func:`pack` was given."""
    return zstd.decompress(frame).decode("utf-8", "surrogatepass")


class FrameCache:
    """The texts of the frames read last."""

    def __init__(self) -> None:
        self._texts: OrderedDict[tuple[str, int], list[str]] = OrderedDict()

    def text(self, name: str, frames: Sequence[bytes], slot: int) -> str:
        """The text at a slot of the frames that go by this name."""
        number, place = divmod(slot, IN_FRAME)
        texts = self._texts.get((name, number))
        if texts is None:
            texts = unpack(frames[number]).split(BETWEEN)
            self._texts[name, number] = texts
            if len(self._texts) > CACHED:
                self._texts.popitem(last=False)
        return texts[place]


# Prefixes of the columns' names, so that none is confused with another array.
FLOAT, INTEGER = "float.", "integer."


class Rows(NamedTuple):
    """Rows of a queue, oldest first."""

    keys: Sequence[str]
    codes: bytes
    times: IntArray
    block: Block
    frames: Sequence[bytes]


def to_bytes(rows: Rows, layout: Layout, without: str) -> bytes:
    """The content of a file; ``without`` is an integer column that says nothing of the rows."""
    arrays = {
        "keys": _bytes("".join(rows.keys).encode("utf-8", "surrogatepass")),
        "key_lengths": _bytes(bytearray(map(len, rows.keys))),  # of bytes: a third slower
        "codes": _bytes(rows.codes),
        "times": rows.times,
        "frames": _bytes(b"".join(rows.frames)),
        "frame_lengths": np.fromiter(map(len, rows.frames), np.int64, len(rows.frames)),
        **{FLOAT + name: rows.block.floats[at] for at, name in enumerate(layout.floats)},
        **{
            INTEGER + name: rows.block.integers[at]
            for at, name in enumerate(layout.integers)
            if name != without
        },
    }
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return zstd.compress(file.getbuffer(), LEVEL)


def from_bytes(content: bytes, layout: Layout) -> Rows:
    """The rows of a file, under a layout that may have gained or lost columns since."""
    with np.load(io.BytesIO(zstd.decompress(content)), allow_pickle=False) as arrays:
        found = dict(arrays)
    keys = found["keys"].tobytes().decode("utf-8", "surrogatepass")
    frames = found["frames"].tobytes()
    return Rows(
        [keys[begin:end] for begin, end in _spans(found["key_lengths"])],
        found["codes"].tobytes(),
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


def _bytes(content: bytes | bytearray) -> AnyArray:
    return np.frombuffer(content, np.uint8)
