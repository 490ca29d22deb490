"""What is checked of a model that was rolled back while somebody was killed."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing

from converters.config import load
from learners.registry import Registry
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Checkpoint, Lineage, Rollback, Version
from stream.fold.outputs import read_scores
from stream.log import journal
from stream.log.contract import EventLog
from stream.log.journal import to_cut
from stream.open_log import opened
from tests.replay.night import Night
from tests.replay.plain_fold import Folded, folded

# Counts that are those of a log without what is in quarantine.
ALIKE = ("learned", "waiting", "expired", "positives", "duplicates", "labels_joined")


def check_rolled_back(made: Night, rollback: Rollback) -> None:
    """Serving, quarantine, and both lineages: the one that ended, and the one that began.

    Raises:
        AssertionError: one of them is not as it would be without kills.
    """
    settings = load.load(made.folder / "freshet.toml")
    with made.registry() as registry, closing(opened(settings)) as log:
        assert rollback.made is not None
        assert rollback.lineage is not None
        version = registry.versions.find(rollback.made)
        _check_serving(registry, rollback)
        _check_quarantine(registry, rollback)
        began = _lineage(registry, rollback.lineage)
        point = _left_at(registry, rollback)
        _check_same(folded(made, log, registry, _lineage(registry, point.lineage)), point)
        until = to_cut(version.start.positions)
        _check_same(folded(made, log, registry, began, until), version)
        _check_gone_back(registry, rollback, version, point)


def check_end(made: Night) -> None:
    """Once the learner has ended: each flight was scored once, and the journal gives the same.

    Raises:
        AssertionError: it is not so.
    """
    settings = load.load(made.folder / "freshet.toml")
    with made.registry() as registry, closing(opened(settings)) as log:
        live, point = registry.versions.live_lineage(), registry.versions.resume_point()
        assert live is not None
        assert point is not None
        _check_same(folded(made, log, registry, live), point)
        _check_outputs(made, log)
        again = json.loads(made.run("backfill", "log", "--json"))
        assert again["model_sha256"] == point.model_sha256, "the journal gives another model"


def _check_serving(registry: Registry, rollback: Rollback) -> None:
    now = registry.serving.pointers()
    assert not now.pinned, now
    assert now.serving == now.latest, now
    assert now.latest is not None
    assert rollback.made is not None
    assert now.latest >= rollback.made, (now, rollback)


def _check_quarantine(registry: Registry, rollback: Rollback) -> None:
    """Just what the rollback put into it, and nothing once that is undone."""
    held = registry.quarantines.in_force()
    assert [one.number for one in held] == [rollback.quarantine] * (rollback.quarantine is not None)
    ranges = [OffsetRanges.from_json(one.ranges) for one in held]
    assert all(ranges), "a quarantine of nothing"
    if rollback.learner == "replay":
        assert OffsetRanges.from_json(rollback.quarantined) == (ranges or [OffsetRanges()])[0]


def _left_at(registry: Registry, rollback: Rollback) -> Checkpoint:
    """The last checkpoint of the lineage that a rollback ended."""
    if rollback.tip is not None:
        return registry.versions.find(rollback.tip)
    assert rollback.lineage is not None
    adoption = registry.adoptions.of_lineage(rollback.lineage)
    assert adoption is not None
    assert adoption.checkpoint is not None
    point = registry.versions.checkpoint(adoption.checkpoint)
    assert point is not None
    return point


def _lineage(registry: Registry, serial: int) -> Lineage:
    found = registry.versions.lineage(serial)
    assert found is not None, serial
    return found


def _check_same(plain: Folded, point: Checkpoint) -> None:
    """All that a plain fold has come to is what the learner has.

    It does not know of what is in quarantine, and lets its labels wait.
    """
    assert plain.model == point.model_sha256, "another model"
    both = plain.counts, point.events
    gone = point.events["quarantined"] + point.events["labels_quarantined"]
    names = ALIKE if gone else plain.counts.keys()
    assert [plain.counts[name] for name in names] == [point.events[name] for name in names], both
    for name in ("log_loss", "auc", "window"):
        assert plain.measures[name] == point.metrics[name], name


def _check_gone_back(
    registry: Registry, rollback: Rollback, version: Version, left: Checkpoint
) -> None:
    """A resume has the weights of what it goes back to, and all else of where it was."""
    if rollback.learner == "resume":
        assert version.model_sha256 == registry.versions.find(rollback.version).model_sha256
        assert version.events == left.events
        assert version.start.positions == left.start.positions


def _check_outputs(made: Night, log: EventLog) -> None:
    ids = Counter(score.id for score in read_scores(journal.records(log, "flights.scores")))
    twice = [name for name, times in ids.items() if times > 1]
    assert not twice, twice[:3]
    assert len(ids) == made.flights, len(ids)
