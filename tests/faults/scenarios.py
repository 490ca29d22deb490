"""What is killed, how often, and how the lives ended: the plan of the kills and its tally.

:mod:`tests.faults.kill_scenario` carries a scenario out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tests.faults.ledger import LABEL_WAIT
from tests.support.serving.project import Project

LOGS = (("sqlite", 4), ("kafka", 1), ("kafka", 4))
# Where the reader has a process of its own, which is killed too.
APART = (("sqlite", 4), ("kafka", 4))

MORE = """
[late_labels]
wait = {wait}
[duplicates]
window = 5000
[checkpoint]
min_spacing = 0
keep = 3
[topics]
partitions = {partitions}
{topics}
"""


@dataclass(frozen=True)
class Scenario:
    """What is killed, and how often.

    Attributes:
        kind: ``sqlite`` or ``kafka``.
        partitions: of the events topic and of the labels topic.
        late: labels come on their own topic.
        live: the log is filled while the learner is killed, not before.
        kills: how many lives are killed.
        events: rows on the events topic, about.
        seed: of everything that is drawn.
        processes: of a learner; with two, readers are killed as well.
    """

    kind: str
    partitions: int
    late: bool
    live: bool
    kills: int
    events: int
    seed: int = 1
    processes: int = 1

    @property
    def name(self) -> str:
        """As ``--only`` takes it."""
        log = self.kind if self.kind == "sqlite" else f"{self.kind}-{self.partitions}"
        apart = "-apart" if self.processes > 1 else ""
        labels = "late" if self.late else "immediate"
        return f"{log}-{labels}-{'live' if self.live else 'full'}{apart}"


@dataclass
class Deaths:
    """How the lives ended.

    Attributes:
        regions: kills by where the learner stood, as its trace says.
        named: those of them that came at a named point; the others came at any moment.
        points: kills at each named point.
        starts: seconds from a life's beginning to its first new batch.
        plain: kills of processes that were started as users start them.
        readers: kills of readers while their learner lived on.
    """

    regions: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    starts: list[float] = field(default_factory=list)
    plain: int = 0
    readers: int = 0

    @property
    def count(self) -> int:
        """All learners."""
        return sum(self.regions.values()) + self.plain


def project_of(scenario: Scenario, folder: Path, url: str, model: str, source: str = "") -> Project:
    """The model that learns; with ``source``, another one that reads that one's topics."""
    topics = f'events = "{source}.events"\nlabels = "{source}.labels"' if source else ""
    more = MORE.format(wait=LABEL_WAIT, partitions=scenario.partitions, topics=topics)
    processes = 1 if source else scenario.processes
    project = Project(folder, log=url, model=model, more=more, processes=processes)
    project.topics()
    return project


def scenarios(kills: int, events: int, only: str = "") -> list[Scenario]:
    """All sixteen, or those whose name holds ``only``; together they kill and learn so much."""
    both = (False, True)
    every = [*product(LOGS, both, both, (1,)), *product(APART, (True,), both, (2,))]
    each_kills, each_events = -(-kills // len(every)), -(-events // len(every))
    found = [
        Scenario(kind, partitions, late, live, each_kills, each_events, seed, processes)
        for seed, ((kind, partitions), late, live, processes) in enumerate(every, 1)
    ]
    return [scenario for scenario in found if only in scenario.name]
