"""Which version gave a score: the versions on the way to a checkpoint, by the lessons behind them.

A score carries the count of lessons behind it, not a version, since when a version is cut depends
on the clock. A version's scores are those from its own count of lessons up to the next one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from learners.registry import Checkpoint, Version


@dataclass(frozen=True, slots=True)
class Span:
    """The scores that one version's weights, or those on the way to the next one, have given.

    Attributes:
        version: its number; None for what was scored before there was one.
        begin: lessons behind its first scores.
        end: lessons behind the next version's first ones; None for the newest.
    """

    version: int | None
    begin: int
    end: int | None

    def meets(self, begin: int, end: int) -> bool:
        """Whether any lesson count of [begin, end) is one of this version's."""
        return self.begin < end and (self.end is None or begin < self.end)


def chain(versions: Sequence[Version], checkpoint: Checkpoint) -> list[Version]:
    """The versions from which a checkpoint came, oldest first, and itself if it is one."""
    known = {version.version: version for version in versions}
    found: list[Version] = []
    number = checkpoint.version or checkpoint.parent_version
    while number is not None and number in known:
        found.append(known.pop(number))
        number = found[-1].parent_version
    return found[::-1]


def spans(on_the_way: Sequence[Version]) -> list[Span]:
    """Each version's share of the lesson counts, from none on."""
    learned = [(version.version, version.events.get("learned", 0)) for version in on_the_way]
    begins: list[tuple[int | None, int]] = [(None, 0), *learned]
    ends = [begin for _, begin in begins[1:]]
    return [
        Span(version, begin, end)
        for (version, begin), end in zip(begins, [*ends, None], strict=True)
        if end is None or end > begin
    ]


def versions_within(found: Sequence[Span], begin: int, end: int) -> list[int | None]:
    """The versions that gave the scores with so many lessons behind them."""
    return [span.version for span in found if span.meets(begin, end)]


def versions_text(numbers: Sequence[int | None]) -> str:
    """Versions as a table names them."""
    named = [number for number in numbers if number is not None]
    first = ["before the first"] if None in numbers else []
    run = [] if not named else [str(named[0]) if len(named) == 1 else f"{named[0]}-{named[-1]}"]
    return ", ".join(first + run) or "-"
