"""Texts packed for a checkpoint: some hundred in a frame, each frame compressed by itself.

Stands below :mod:`stream.joins.segments`. Texts of neighbouring events are much alike: compressed
they take about an eighth, and a frame is small enough to be unpacked for one text.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from converters.files.zstd import compress, decompress

# More texts in a frame compress better, fewer are quicker to unpack: 0.1 ms for 256 rows of 12
# columns.
IN_FRAME = 256
# Level 1 packs these texts at 450 MB/s, which is less work than hashing and writing them plain.
LEVEL = 1
# Labels mostly come in about the order of their events, so that a frame serves many in a row.
CACHED = 256

# No text holds one: it is one line for a learner.
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
    return compress(text.encode("utf-8", "surrogatepass"), LEVEL)


def unpack(frame: bytes) -> str:
    """What :func:`pack` was given."""
    return decompress(frame).decode("utf-8", "surrogatepass")


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
