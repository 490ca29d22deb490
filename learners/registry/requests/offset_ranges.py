"""Ranges of a log's offsets: which records a quarantine holds.

A record is named by its topic, its partition and its offset there; a range has a first and a last
one. Sets of them are added, subtracted and cut by positions, which are next offsets to read.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from converters.errors import UsageError
from learners.registry.row_types import Json

# A topic and a partition of it.
Partition = tuple[str, int]
# The first offset, and the one after the last.
Span = tuple[int, int]
Spans = tuple[Span, ...]
# A log's own type of partitions.
P = TypeVar("P", bound=Partition)

_TEXT = re.compile(
    r"(?P<topic>.+):(?P<partition>\d{1,9}):(?P<first>\d{1,18})(-(?P<last>\d{1,18}))?"
)


@dataclass(frozen=True)
class OffsetRanges:
    """Some records of a log.

    Attributes:
        spans: of each partition that has some, the spans in order, none touching the next.
    """

    spans: Mapping[Partition, Spans] = field(default_factory=dict)

    @classmethod
    def of(cls, found: Iterable[tuple[Partition, Span]]) -> OffsetRanges:
        """These spans, in any order; they may overlap, and empty ones are left out."""
        each: dict[Partition, list[Span]] = {}
        for partition, span in found:
            each.setdefault(partition, []).append(span)
        joined = {partition: _joined(each[partition]) for partition in sorted(each)}
        return cls({partition: spans for partition, spans in joined.items() if spans})

    @classmethod
    def from_json(cls, held: Json | None) -> OffsetRanges:
        """The inverse of :meth:`to_json`; None is none at all."""
        return cls.of(
            ((topic, int(partition)), (first, last + 1))
            for topic, partitions in (held or {}).items()
            for partition, spans in partitions.items()
            for first, last in spans
        )

    @classmethod
    def parse(cls, text: str) -> OffsetRanges:
        """A range as people write it: ``TOPIC:PARTITION:FIRST-LAST``, both of them in it.

        Raises:
            UsageError: it is none.

        >>> str(OffsetRanges.parse("events:0:5-9"))
        'events:0:5-9'
        """
        found = _TEXT.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f"{text!r} is no range of records. Write TOPIC:PARTITION:FIRST-LAST, with the "
                "first and the last offset that is meant, such as events:0:1200-1399."
            )
        first = int(found["first"])
        last = first if found["last"] is None else int(found["last"])
        if last < first:
            raise UsageError(
                f"The range {text!r} ends before it begins: its last offset is {last}."
            )
        return cls.of([((found["topic"], int(found["partition"])), (first, last + 1))])

    def __bool__(self) -> bool:
        """Whether there is any record."""
        return bool(self.spans)

    def __iter__(self) -> Iterator[tuple[Partition, Span]]:
        """Each span with its partition, in order."""
        return ((partition, span) for partition, spans in self.spans.items() for span in spans)

    def __str__(self) -> str:
        """The ranges as people write them."""
        return ", ".join(
            f"{topic}:{partition}:{first}-{end - 1}" for (topic, partition), (first, end) in self
        )

    def __or__(self, other: OffsetRanges) -> OffsetRanges:
        """The records of either."""
        return OffsetRanges.of([*self, *other])

    def __and__(self, other: OffsetRanges) -> OffsetRanges:
        """The records of both."""
        return OffsetRanges.of(
            (partition, (max(first, a), min(end, b)))
            for partition, (first, end) in self
            for a, b in other.spans.get(partition, ())
        )

    def __sub__(self, other: OffsetRanges) -> OffsetRanges:
        """The records that the other has not."""
        return OffsetRanges.of(
            (partition, left)
            for partition, span in self
            for left in _without(span, other.spans.get(partition, ()))
        )

    def to_json(self) -> Json:
        """Topic -> partition -> pairs of a first and a last offset."""
        found: Json = {}
        for (topic, partition), (first, end) in self:
            spans = found.setdefault(topic, {}).setdefault(str(partition), [])
            spans.append([first, end - 1])
        return found

    def before(self, positions: Mapping[P, int]) -> OffsetRanges:
        """The records that somebody has passed who has these positions."""
        return self & below(positions)

    def count(self) -> int:
        """How many offsets these are; not each need have a record."""
        return sum(end - first for _, (first, end) in self)

    def holds(self, partition: Partition, offset: int) -> bool:
        """Whether a record is among these."""
        bounds = self._bounds.get(partition)
        return bounds is not None and bisect_right(bounds, offset) % 2 == 1

    @cached_property
    def _bounds(self) -> dict[Partition, list[int]]:
        """Of each partition where spans begin and end, in turn."""
        return {p: [bound for span in spans for bound in span] for p, spans in self.spans.items()}


def below(positions: Mapping[P, int]) -> OffsetRanges:
    """All records before these positions."""
    return OffsetRanges.of((partition, (0, at)) for partition, at in positions.items())


def of_positions(positions: Mapping[str, Mapping[int, int]]) -> dict[Partition, int]:
    """Positions as the registry holds them, by partition."""
    return {
        (topic, int(partition)): at
        for topic, partitions in positions.items()
        for partition, at in partitions.items()
    }


def _joined(spans: Iterable[Span]) -> Spans:
    found: list[Span] = []
    for first, end in sorted(spans):
        if first >= end:
            continue
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return tuple(found)


def _without(span: Span, others: Spans) -> Iterator[Span]:
    at, end = span
    for first, after in others:
        yield at, min(end, first)
        at = max(at, after)
    yield at, end
