"""Ranges of the log and quarantines as they are told: in a sentence, as a table, for scripts."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from converters.show.tables import counted
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Quarantine, iso

# How many ranges a sentence names; by record time there may be thousands.
NAMED = 6


def ranges_words(held: OffsetRanges, most: int = NAMED) -> str:
    """The ranges, or the first of them, and how many records they may have."""
    count = sum(map(len, held.spans.values()))
    first = str(OffsetRanges.of(islice(held, most)))
    more = f" and {count - most:,} more ranges" if count > most else ""
    return f"{first}{more} ({counted(held.count(), 'offset', 'offsets')})"


def quarantine_json(found: Quarantine) -> dict[str, Any]:
    """A quarantine, for scripts; ``ranges`` have a first and a last offset."""
    return {
        "quarantine": found.number,
        "skip": found.asked.get("skip", []),
        "skip_time": found.asked.get("skip_time", []),
        "ranges": found.ranges,
        "offsets": OffsetRanges.from_json(found.ranges).count(),
        "corrected": found.corrected,
        "at": iso(found.at),
        "actor": found.actor,
        "reason": found.reason,
        "active": found.removed_at is None,
        "removed_at": None if found.removed_at is None else iso(found.removed_at),
        "removed_by": found.removed_by,
        "removed_because": found.removed_because,
    }


def quarantine_words(found: Quarantine) -> str:
    """What a quarantine holds, and since when or until when, in a sentence."""
    held = ranges_words(OffsetRanges.from_json(found.ranges))
    if found.removed_at is None:
        return f"Quarantine {found.number} holds {held}."
    return (
        f"Quarantine {found.number}, which held {held}, was removed at {iso(found.removed_at)} by "
        f"{found.removed_by}: {found.removed_because}"
    )


def quarantine_lines(every: Sequence[Quarantine]) -> list[str]:
    """Each quarantine in a few lines: what it holds, how it was asked for, who, when, why."""
    lines = []
    for found in every:
        lines.append(quarantine_words(found))
        lines.append(f"    Added at {iso(found.at)} by {found.actor}: {found.reason}")
        if found.corrected:
            rows = counted(found.corrected, "row", "rows")
            lines.append(f"    {rows} of it corrected, to be learned in its place")
        asked = [*found.asked.get("skip", []), *found.asked.get("skip_time", [])]
        lines.append(f"    Asked for as {'; '.join(asked)}")
    return lines
