"""Messages from a reader process to the learner: batches, and why there are no more.

A message is ``marshal``'s bytes of few large objects, on the pipe behind its length: a column is
one text where no value holds a line feed, numbers are packed. The learner takes .1 us a row, nearly
all of it for a string of each id and a tuple of each record; ``marshal`` itself is as quick as
copying. It is safe only here: both ends are the same Python, and no other process can write to the
pipe.
"""

from __future__ import annotations

import marshal
import struct
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import accumulate, pairwise, repeat
from typing import Any, NamedTuple

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import CellCounts
from converters.errors import FreshetError, UsageError
from learners.learner import LineBlock
from stream.log import contract
from stream.log.batch import Batch, EventColumns, Head, LabelColumns, LeftOut
from stream.log.contract import Place
from stream.log.fingerprint import Mark
from stream.log.signed_scores import Served
from stream.stages import Seconds

# What precedes a message on the pipe; :mod:`stream.reading.reader_main` writes it.
LENGTH = struct.Struct(">Q")

# The kinds of messages: the log is open; a batch; the limit is reached; an error; the reader's
# stages so far.
OPENED, BATCH, END, ERROR, STAGES = range(5)

# The errors that are raised again at the other end; for others, the nearest ancestor of these.
ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        contract.LogUnavailableError,
        contract.PositionError,
        contract.StampError,
        contract.UnknownTopicError,
        contract.LogError,
        UsageError,
        FreshetError,
    )
}


class ReaderBugError(Exception):
    """The reader process failed with an unexpected error."""


class Message(NamedTuple):
    """A received message: its kind, and its batch, error or stages if it has one.

    ``seconds`` is the processor time that the reader had taken when it sent a batch.
    """

    kind: int
    batch: Batch | None = None
    error: Exception | None = None
    stages: Seconds | None = None
    seconds: float = 0.0


def of_batch(batch: Batch, seconds: float = 0.0) -> Sequence[bytes]:
    """A batch as a message in parts, with the processor time that the reader has taken so far.

    The lines follow behind the rest: ``marshal`` would copy them as often as its output grows.
    """
    texts = [block.text.encode("utf-8", "surrogatepass") for block in batch.events.blocks]
    marks = [(*place, *mark) for place, mark in batch.marks.items()]
    content = (_flat_heads(batch.records), _offsets(batch.cut), _offsets(batch.ends), marks)
    cells = batch.cells
    counts = (cells.rows, dict(cells.absent), dict(cells.unseen))
    events, labels = _flat(batch.events), _flat_labels(batch.labels)
    left_out = [tuple(each) for each in batch.left_out]
    state = (
        *(batch.replayed, batch.crc32, batch.pinned, left_out, batch.guided, batch.corrected),
        list(batch.features),
    )
    ignored = dict(batch.ignored)
    sizes = list(map(len, texts))
    parts = (sizes, content, state, counts, events, labels, ignored)
    return *_message((BATCH, seconds, *parts)), *texts


def of_error(error: Exception, trace: str) -> Sequence[bytes]:
    """An error as a message; ``trace`` is used for unexpected ones."""
    names = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in ERRORS]
    if names:
        return _message((ERROR, names[0], str(error), ""))
    return _message((ERROR, "", f"{type(error).__name__}: {error}", trace))


def of_stages(seconds: Seconds) -> Sequence[bytes]:
    """What each stage of the reader has taken so far, as a message."""
    return _message((STAGES, dict(seconds)))


def of_kind(kind: int) -> Sequence[bytes]:
    """A message that has only a kind."""
    return _message((kind,))


def read(content: memoryview) -> Message:
    """A message decoded."""
    kind, *rest = marshal.loads(content)  # noqa: S302  # from a process of our own
    if kind == BATCH:
        seconds, sizes, *columns = rest
        return Message(kind, _batch(_texts(content, sizes), *columns), seconds=seconds)
    if kind == ERROR:
        return Message(kind, None, _error(*rest))
    if kind == STAGES:
        return Message(kind, stages=rest[0])
    return Message(kind)


def _message(content: tuple[Any, ...]) -> tuple[bytes]:
    return (marshal.dumps(content),)


def _texts(content: memoryview, sizes: Sequence[int]) -> list[str]:
    """The texts of so many bytes at the end of a message."""
    ends = list(accumulate(sizes, initial=len(content) - sum(sizes)))
    return [str(content[at:end], "utf-8", "surrogatepass") for at, end in pairwise(ends)]


def _flat_heads(heads: Sequence[Head]) -> tuple[Any, ...]:
    """Records as columns of numbers, with the places that these name."""
    numbers: dict[Place, int] = {}
    places, offsets, times, rows, labels, firsts = zip(*heads, strict=True) if heads else ((),) * 6
    at = [numbers.setdefault(place, len(numbers)) for place in places]
    packed = [array("q", column).tobytes() for column in (at, offsets, times, rows, firsts)]
    return [tuple(place) for place in numbers], *packed, bytes(labels)


def _heads(named: list[tuple[str, int]], *packed: bytes) -> list[Head]:
    places = [Place(*place) for place in named]
    numbers, offsets, times, rows, firsts = (array("q", column) for column in packed[:-1])
    at, labels = map(places.__getitem__, numbers), map(bool, packed[-1])
    columns = zip(at, offsets, times, rows, labels, firsts, strict=True)
    return list(map(tuple.__new__, repeat(Head), columns))


def _flat(events: EventColumns) -> tuple[Any, ...]:
    """Event rows as few large objects, without the lines."""
    blocks = [(block.count, block.plain) for block in events.blocks]
    weights = None if events.weights is None else _joined(events.weights)
    kept = None if events.passthrough is None else list(map(_joined, events.passthrough))
    labels = _coded(events.labels)
    served = {at: tuple(each) for at, each in events.served.items()}
    of_some = _refused(events.refused), served
    return (_joined(events.ids), labels, blocks, of_some, weights, kept)


def _flat_labels(labels: LabelColumns) -> tuple[Any, ...]:
    return (_joined(labels.ids), bytes(labels.labels), _refused(labels.refused))


def _refused(rows: Mapping[int, Refusal]) -> dict[int, tuple[str, ...]]:
    return {at: tuple(row) for at, row in rows.items()}


def _joined(column: Sequence[str]) -> str | list[str]:
    """A column as one text, if it can be cut again."""
    text = "\n".join(column)
    return text if text.count("\n") == len(column) - 1 else list(column)


def _cut(column: str | list[str]) -> list[str]:
    return column.split("\n") if isinstance(column, str) else column


# How labels are written, and read: the third is none.
CODES: tuple[int | None, ...] = (0, 1, None)


def _coded(labels: Sequence[int | None]) -> bytes | None:
    """A byte a label; None where none is known."""
    with suppress(TypeError):  # mostly all are known, or none
        return bytes(labels)  # type: ignore[arg-type]
    unknown = labels.count(None)
    if unknown == len(labels):
        return None
    return bytes([2 if label is None else label for label in labels])


def _decoded(codes: bytes | None, count: int) -> list[int | None]:
    if codes is None:
        return [None] * count
    return list(map(CODES.__getitem__, codes) if 2 in codes else codes)


def _events(
    texts: Sequence[str],
    joined: str | list[str],
    codes: bytes | None,
    blocks: list[tuple[int, bool]],
    of_some: tuple[dict[int, tuple[str, str, str]], dict[int, tuple[float, int, int, int]]],
    weights: str | list[str] | None,
    kept: list[str | list[str]] | None,
) -> EventColumns:
    ids, (refused, served) = _cut(joined), of_some
    return EventColumns(
        ids,
        _decoded(codes, len(ids)),
        [LineBlock(text, *block) for text, block in zip(texts, blocks, strict=True)],
        _refusals(refused),
        None if weights is None else _cut(weights),
        None if kept is None else list(map(_cut, kept)),
        {at: Served(*each) for at, each in served.items()},
    )


def _refusals(rows: dict[int, tuple[str, str, str]]) -> dict[int, Refusal]:
    return {at: Refusal(*row) for at, row in rows.items()}


def _batch(
    texts: Sequence[str],
    content: tuple[Any, ...],
    state: tuple[Any, ...],
    counts: tuple[int, dict[str, int], dict[str, int]],
    events: tuple[Any, ...],
    labels: tuple[Any, ...],
    ignored: dict[str, int],
) -> Batch:
    heads, cut, ends, marks = content
    replayed, crc32, pinned, left_out, guided, corrected, features = state
    return Batch(
        _heads(*heads),
        _mapping(cut),
        _mapping(ends),
        replayed,
        crc32,
        {Place(topic, number): Mark(offset, crc) for topic, number, offset, crc in marks},
        pinned,
        CellCounts(counts[0], Counter(counts[1]), Counter(counts[2])),
        _events(texts, *events),
        LabelColumns(_cut(labels[0]), list(labels[1]), _refusals(labels[2])),
        [LeftOut(*each) for each in left_out],
        guided,
        corrected,
        Counter(ignored),
        features,
    )


def _error(name: str, text: str, trace: str) -> Exception:
    if name:
        return ERRORS[name](text)
    error = ReaderBugError(text)
    error.add_note(trace)
    return error


def _offsets(offsets: Mapping[Place, int]) -> list[tuple[str, int, int]]:
    return [(*place, offset) for place, offset in offsets.items()]


def _mapping(flat: list[tuple[str, int, int]]) -> dict[Place, int]:
    return {Place(topic, number): offset for topic, number, offset in flat}
