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
from stream.log.topics import topics_of
from stream.open_log import opened
from tests.replay.night import Night
from tests.replay.plain_fold import Folded, batches_of, folded

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
        _check_once(made, log, registry, rollback)
        _check_scored_once(log)
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
        scored = _check_scored_once(log)
        assert scored == made.flights, scored
        again = json.loads(made.run("backfill", "log", "--json"))
        assert again["model_sha256"] == point.model_sha256, "the journal gives another model"


def _check_once(made: Night, log: EventLog, registry: Registry, rollback: Rollback) -> None:
    """It began one lineage, once: in the registry, the ledger and the journal."""
    entries = [e for e in registry.ledger.entries() if e.action == rollback.learner]
    began = [e.detail["lineage"] for e in entries if e.detail["rollback"] == rollback.number]
    assert began == [rollback.lineage], began
    topic = topics_of(load.load(made.folder / "freshet.toml")).journal
    openings = [line for line in journal.lines(log, topic) if not line.batch]
    times = Counter(line.lineage for line in openings)
    assert set(times.values()) == {1}, ("an opening line twice", times)
    named = [line.lineage for line in openings if line.rollback == rollback.number]
    assert named == [rollback.lineage], named
    if rollback.tip is not None:
        _check_all_again(log, topic, registry, rollback)


def _check_all_again(log: EventLog, topic: str, registry: Registry, rollback: Rollback) -> None:
    """A replay takes the batches again that the lineage before it had taken, each by itself."""
    assert rollback.tip is not None
    assert rollback.lineage is not None
    tip = registry.versions.find(rollback.tip)
    before, began = (_lineage(registry, n) for n in (tip.lineage, rollback.lineage))
    begin, until = to_cut(began.start.positions), to_cut(tip.start.positions)
    taken = [line.cut for line in batches_of(log, topic, began, None)]
    missing = [
        line.batch
        for line in batches_of(log, topic, before, until)
        if any(at > begin.get(place, 0) for place, at in line.cut.items()) and line.cut not in taken
    ]
    assert not missing, ("batches that were not taken again", missing)


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


def _check_scored_once(log: EventLog) -> int:
    """No flight was scored twice; how many were."""
    ids = Counter(score.id for score in read_scores(journal.records(log, "flights.scores")))
    twice = [name for name, times in ids.items() if times > 1]
    assert not twice, ("scored twice", len(twice), twice[:3])
    return len(ids)
