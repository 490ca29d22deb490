"""How many events and labels expired, and which record moved stream time past what waited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from converters.show.tables import moment

# More of those that were decided, and a run or a learner says so.
MOST_EXPIRED = 0.1

EVENTS, LABELS = "events", "labels"
# The counts that decide an event or a label, and those of them that are lost. What is only scored,
# refused or known already is neither.
DECIDED = {
    EVENTS: ("learned", "expired"),
    LABELS: ("labels_joined", "labels_late", "labels_expired"),
}
LOST = {EVENTS: ("expired",), LABELS: ("labels_late", "labels_expired")}


class Jump(NamedTuple):
    """The last record that moved stream time further at once than events wait, while some did.

    Attributes:
        topic: of the record.
        partition: of the record.
        offset: of the record.
        since: stream time before it, ms.
        until: its time, ms.
        rows: of events and labels taken by then, over the lineage.
    """

    topic: str
    partition: int
    offset: int
    since: int
    until: int
    rows: int


def expired(counts: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Of events and of labels, how many were decided, and the lost ones among them by kind."""
    return {
        kind: {
            "decided": sum(max(0, counts.get(name, 0)) for name in names),
            **{name: max(0, counts.get(name, 0)) for name in LOST[kind]},
        }
        for kind, names in DECIDED.items()
    }


def lost(kind: str, found: Mapping[str, int]) -> int:
    """How many of a kind were lost, of what :func:`expired` gives."""
    return sum(found[name] for name in LOST[kind])


def in_words(kind: str, found: Mapping[str, int], of: str) -> str:
    """How many were lost, and to what.

    >>> in_words("events", {"decided": 4, "expired": 3}, "4 events")
    '3 of 4 events (75.0%) expired before their label came'
    """
    share = f"{lost(kind, found):,} of {of} ({lost(kind, found) / found['decided']:.1%})"
    if kind == EVENTS:
        return f"{share} expired before their label came"
    late, unmatched = found["labels_late"], found["labels_expired"]
    why = [
        *([f"{late:,} came after their event had expired"] if late else []),
        *([f"{unmatched:,} expired before their event came"] if unmatched else []),
    ]
    return f"{share} were not used: {', '.join(why)}"


def advice(jump: Mapping[str, Any] | None, quarantined: int = 0) -> str:
    """Why so many expire, as far as it is known, and what helps.

    Args:
        jump: the record that moved stream time far, if one did.
        quarantined: labels in quarantine, over the lineage.
    """
    if quarantined:
        return (
            f"{quarantined:,} labels are in quarantine, so their events expire, as they should. "
            f"{advice(jump)}"
        )
    if jump is None:
        return (
            "If labels come later than late_labels.wait, raise it; if they come without an event, "
            "compare their ids with those of the events."
        )
    place = ":".join(str(jump[name]) for name in ("topic", "partition", "offset"))
    return (
        f"The record {place} moved stream time from {moment(jump['since'])} to "
        f"{moment(jump['until'])} at once: older rows that come behind it come too late. A row or "
        "label that is sent without a time has that of its arrival: send old ones with theirs. "
        "Make a version of such history with: freshet backfill FILE --promote --follow"
    )
