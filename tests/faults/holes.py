"""What the tests of holes in a history share: rows, a learner that refuses, and the way out.

Stands below ``test_holes.py``, ``test_gaps.py`` and ``test_older_copies.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream.log.contract import Outgoing, Place
from tests.faults.running import Learner, freshet, learner
from tests.support.serving.project import Project, flights

ROWS = flights(3_000)
MORE = flights(3_100)[3_000:]
HALF = 1_500
OFTEN = "[checkpoint]\nseconds = 0.2\nmin_spacing = 0"
# Kafka's half takes longer, and is much the same: the short run has one of each kind.
BOTH = pytest.mark.parametrize(
    "log_url",
    ["sqlite", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.long])],
    indirect=True,
)
ACCEPTING = f"{OFTEN}\n[topics]\naccept_retention = true"


def send(project: Project, rows: Sequence[Sequence[str]]) -> None:
    """Send rows, each with its label."""
    project.produce(project.write_csv(rows))


def place_reached(project: Project) -> tuple[Place, int]:
    """The partition of the events, and where a learner would go on in it."""
    with project.registry() as registry:
        point = registry.versions.resume_point()
    assert point is not None
    topic = project.topics().events
    return Place(topic, 0), point.start.positions[topic][0]


def refused(project: Project, *words: str) -> str:
    """Start the learner: it stops by itself, with exit 1 and one paragraph that holds the words."""
    with learner(project, "--until-end") as running:
        assert running.ends() == 1, running.said()
        return complained(running, *words)


def complained(running: Learner, *words: str) -> str:
    """The paragraph with which a learner has ended."""
    said = running.said()
    assert "Traceback" not in said
    for word in words:
        assert word in said, f"{word!r} is missing in:\n{said[-3000:]}"
    return said


def begin_afresh(project: Project) -> None:
    """The way out: a new model of what is left of the log, promoted, though it has read less."""
    made = freshet(project, "backfill", "log", "--fresh", "--promote", "--force", "--json")
    assert made.returncode == 0, made.stderr


def goes_on(project: Project, more: Sequence[Sequence[str]]) -> None:
    """After the way out, the learner takes what comes next, and each score of it is there once."""
    before = project.learn()
    send(project, more)
    after = project.learn()
    assert after["events"] == before["events"] + len(more)
    ids = [score.id for score in project.scores()]
    assert all(ids.count(row[0]) == 1 for row in more[:20])


def send_now(project: Project, rows: Sequence[Sequence[str]]) -> None:
    """One row a record, stamped with the time at which it is sent."""
    with project.open_log() as log:
        log.append(project.topics().events, [Outgoing(",".join(row).encode()) for row in rows])
