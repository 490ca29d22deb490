"""Quarantines are kept with who, when and why, and hold until somebody removes them."""

from __future__ import annotations

import pytest

from converters.errors import UsageError
from learners.registry import Registry
from learners.registry.errors import UnknownQuarantineError
from learners.registry.requests.offset_ranges import OffsetRanges

NIGHT = OffsetRanges.parse("m.events:0:5-9")
LATER = OffsetRanges.parse("m.labels:1:0-3")
ASKED = {"skip": ["m.events:0:5-9"]}


def test_one_holds_until_it_is_removed(registry: Registry) -> None:
    """Together they hold what each of them does; the ledger has each step."""
    first = registry.quarantines.add(ASKED, NIGHT, "shifted", "ann")
    second = registry.quarantines.add({}, LATER, "flipped", "bob")
    assert (first.number, first.reason, first.actor, first.asked) == (1, "shifted", "ann", ASKED)
    assert registry.quarantines.held() == NIGHT | LATER
    removed = registry.quarantines.remove(1, "it was right", "eve")
    assert (removed.removed_by, removed.removed_because) == ("eve", "it was right")
    assert registry.quarantines.all() == [removed, second]
    assert registry.quarantines.held() == LATER
    told = [(entry.action, entry.detail["quarantine"]) for entry in registry.ledger.entries()]
    assert told == [("quarantine", 1), ("quarantine", 2), ("release", 1)]


def test_the_same_is_added_and_removed_once(registry: Registry) -> None:
    """Whoever repeats a command changes nothing."""
    first = registry.quarantines.add(ASKED, NIGHT, "shifted", "ann")
    assert registry.quarantines.add(ASKED, NIGHT, "again", "bob") == first
    removed = registry.quarantines.remove(1, "it was right", "ann")
    assert registry.quarantines.remove(1, "again", "bob") == removed
    assert len(registry.ledger.entries()) == 2
    assert registry.quarantines.add(ASKED, NIGHT, "after all", "ann").number == 2


def test_what_is_not_there_is_refused(registry: Registry) -> None:
    """Nothing to hold, no reason, no such number."""
    with pytest.raises(UsageError, match="no record"):
        registry.quarantines.add({}, OffsetRanges(), "x", "ann")
    with pytest.raises(UsageError, match="reason"):
        registry.quarantines.add(ASKED, NIGHT, " ", "ann")
    with pytest.raises(UnknownQuarantineError, match="has none"):
        registry.quarantines.remove(3, "x", "ann")
