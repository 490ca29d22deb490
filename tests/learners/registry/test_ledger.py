"""The ledger: what was served when, and that nobody rewrites it."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from learners.registry import Registry
from learners.registry.actor import this_learner
from tests.support.learning.registry_samples import Writer


def test_the_ledger_tells_what_was_served_when(registry: Registry) -> None:
    """Between two moves the former's version was served; before the first, none."""
    writer = Writer(registry)
    writer.versions(2)
    registry.serving.pin("rollback", 1, "try", "ann")
    entries = registry.ledger.entries()
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert registry.ledger.served_at(entries[0].at - timedelta(milliseconds=1)) is None
    assert [registry.ledger.served_at(entry.at) for entry in entries] == [1, 2, 1]
    assert registry.ledger.served_at(entries[2].at - timedelta(milliseconds=1)) == 2
    assert registry.ledger.served_at(datetime(2100, 1, 1, tzinfo=UTC)) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger SET reason = 'nicer'",
        "DELETE FROM ledger",
        "INSERT OR REPLACE INTO ledger SELECT * FROM ledger",
    ],
)
def test_the_ledger_cannot_be_rewritten(registry: Registry, tmp_path: Path, statement: str) -> None:
    """Not even another program's SQL changes or removes a line."""
    Writer(registry).versions(2)
    before = registry.ledger.entries()
    other = sqlite3.connect(tmp_path / "registry.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)
    other.close()
    assert registry.ledger.entries() == before


def test_a_lost_registry_is_in_the_ledger_of_the_one_after_it(registry: Registry) -> None:
    """Told once, with what the log's journal knows; what is served does not move."""
    for _ in range(2):
        registry.ledger.note_lost(3, this_learner())
    (entry,) = registry.ledger.entries()
    assert (entry.action, entry.detail["lineages"]) == ("lost", 3)
    assert "3 lineage(s)" in entry.reason
    assert (entry.version, entry.from_version, entry.to_version) == (None, None, None)
