"""The labelled events of the log by id: the learner's score at arrival, the label, the amount.

Scores count that are in the learner's measures. Those of a model that it has replaced since are not
compared: a backfill of the log scored their events again, and wrote its scores to no topic.

Read from the topics, by the rules of the learner's joins: a label counts if it came within
``late_labels.wait`` of its event (before it, within ``label_wait``). The scores topic has each
accepted event once, so that its position says which row of an id is meant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from converters.cells.refusal import Refusal
from converters.config.learning_settings import LateLabelSettings
from converters.errors import FreshetError
from converters.show.tables import counted
from learners.evaluation.labelled_examples import SCORE
from learners.evaluation.windows import Kept
from learners.metrics.arrays import BoolArray, FloatArray, IntArray
from stream.fold.outputs import read_scores
from stream.fold.slices import Slices
from stream.log import journal
from stream.log.batch import EventRows, LabelRows
from stream.log.contract import EventLog
from stream.log.topics import Topics
from stream.own_scores.score_column import OwnScores
from stream.reading.record_reader import RecordReader

# The label of an event that has none yet.
UNKNOWN = -1
Origin = tuple[str, int, int, int]


class ReplacedError(FreshetError):
    """The log's scores of a file's events are of a model that the learner has replaced."""


@dataclass
class Events:
    """What the log has of the events that a file of scores names, each at the file's place.

    Attributes:
        own: the file.
        late: the rules of joining.
        lineages: whose scores count; empty for all, where no learner has begun a lineage.
        served: the learner's scores at arrival; nan without an event.
        arrived: record times of the events, ms.
        labels: 1, 0, or ``UNKNOWN``.
        amounts: by what the events' values are multiplied.
        newest: the highest record time read, ms.
        others: the lineages of scores that do not count, with how many of the file's events.
    """

    own: OwnScores
    late: LateLabelSettings
    lineages: AbstractSet[int] = frozenset()
    served: FloatArray = field(init=False)
    arrived: IntArray = field(init=False)
    labels: IntArray = field(init=False)
    amounts: FloatArray = field(init=False)
    newest: int = 0
    others: Counter[int] = field(default_factory=Counter)
    _replaced: set[int] = field(default_factory=set)
    _origins: dict[Origin, int] = field(default_factory=dict)
    _several: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Nothing is known yet."""
        size = self.own.scores.size
        self.served = np.full(size, np.nan)
        self.arrived = np.zeros(size, dtype=np.int64)
        self.labels = np.full(size, UNKNOWN, dtype=np.int64)
        self.amounts = np.ones(size)

    def take_scores(self, log: EventLog, topic: str, shown: Callable[[int], None]) -> None:
        """Read the scores topic."""
        count = 0
        for record in journal.records(log, topic):
            for found in read_scores([record]):
                count += 1
                place = self.own.places.get(found.id)
                if place is None:
                    continue
                if self.lineages and found.lineage not in self.lineages:
                    self.others[found.lineage] += 1
                    self._replaced.add(place)
                    continue
                if not np.isnan(self.served[place]):
                    self._several.add(place)
                self.served[place], self.arrived[place] = found.score, record.time
                self._origins[found.topic, found.partition, found.offset, found.row] = place
            shown(count)

    def take_events(
        self, log: EventLog, topic: str, reader: RecordReader, shown: Callable[[int], None]
    ) -> None:
        """Read the events topic: labels that come with their event, and amounts."""
        slices, count = Slices(reader.passthrough), 0
        for record in journal.records(log, topic):
            (taken,) = reader.read([record])
            assert isinstance(taken, EventRows)
            self.newest = max(self.newest, taken.time)
            for number, row in enumerate(taken.rows):
                place = self._origins.get((*taken.place, taken.offset, number))
                if place is None or isinstance(row, Refusal):
                    continue
                if row[1] is not None:
                    self.labels[place] = int(row[1] == 1)
                if reader.passthrough.amount and taken.passthrough is not None:
                    (self.amounts[place],) = slices.amounts([taken.passthrough[number][-1:]])
            count += len(taken.rows)
            shown(count)

    def take_labels(
        self, log: EventLog, topic: str, reader: RecordReader, shown: Callable[[int], None]
    ) -> None:
        """Read the labels topic; of two labels the first counts, or the later where allowed."""
        count = 0
        for record in journal.records(log, topic):
            (taken,) = reader.read([record])
            assert isinstance(taken, LabelRows)
            self.newest = max(self.newest, taken.time)
            for row in taken.rows:
                if isinstance(row, Refusal):
                    continue
                place = self.own.places.get(row[0])
                if place is not None and self._counts(place, taken.time):
                    self.labels[place] = int(row[1] == 1)
            count += len(taken.rows)
            shown(count)

    def _counts(self, place: int, time: int) -> bool:
        """Whether a label of this time is the label of the event at a place."""
        known = self.labels[place] != UNKNOWN
        if np.isnan(self.served[place]) or (known and not self.late.allow_corrections):
            return False
        after = time - int(self.arrived[place])
        if after < 0:
            return -after < (self.late.label_wait or self.late.wait) * 1000
        return after <= self.late.wait * 1000

    def kept(self, name: str) -> Kept:
        """The labelled events as examples with two scores, in the order of the events."""
        if self.late.expired == "negative":
            over = self.arrived + round(self.late.wait * 1000) < self.newest
            self.labels[over & (self.labels == UNKNOWN)] = 0
        use = np.flatnonzero(self._used() & (self.labels != UNKNOWN))
        use = use[np.argsort(self.arrived[use], kind="stable")]
        return Kept(
            {SCORE: self.served[use], name: self.own.scores[use]},
            self.labels[use] == 1,
            self.arrived[use],
            self.amounts[use],
        )

    def _used(self) -> BoolArray:
        """Which ids stand for one event and one score."""
        used: BoolArray = ~(np.isnan(self.served) | np.isnan(self.own.scores))
        used[list(self._several | self._replaced)] = False
        return used

    def check_scored(self, name: str, live: int) -> None:
        """Refuse to compare where no event has a score that counts, and some have another.

        Args:
            name: the file's.
            live: the lineage that the learner works on.

        Raises:
            ReplacedError: it is so.
        """
        if not self._replaced or not np.isnan(self.served).all():
            return
        count = counted(len(self._replaced), "event", "events")
        others = ", ".join(map(str, sorted(self.others)))
        raise ReplacedError(
            f"--scores {name}: there are no scores to compare with. The scores topic has the "
            f"file's {count} with scores of lineage {others}, and the learner "
            f"has replaced that model since: it works on lineage {live}, which goes on from a "
            "backfill, and a backfill writes its scores to no topic. 'freshet compare' has the "
            "measures of the learner over these events, and 'freshet backfill log --fresh --scores "
            "FILE' writes such scores to a file. Events that come from now on can be compared."
        )

    def to_json(self, file: str) -> dict[str, Any]:
        """What became of the file's rows."""
        one = ~np.isnan(self.own.scores)
        unscored = one & np.isnan(self.served)
        replaced = np.zeros(one.size, dtype=np.bool_)
        replaced[list(self._replaced)] = True
        several = np.zeros(one.size, dtype=np.bool_)
        several[list(self._several | self._replaced)] = True
        several &= ~np.isnan(self.served)
        left: Mapping[str, int] = Counter(self.own.left_out) + Counter(
            unknown=int(np.count_nonzero(unscored & ~replaced)),
            replaced=int(np.count_nonzero(unscored & replaced)),
            repeated_events=int(np.count_nonzero(one & several)),
            waiting=int(np.count_nonzero(self._used() & (self.labels == UNKNOWN))),
        )
        return {
            "file": file,
            "rows": self.own.rows,
            "labelled": int(np.count_nonzero(self._used() & (self.labels != UNKNOWN))),
            "left_out": dict(left),
            "examples": self.own.examples,
        }


def labelled_events(
    log: EventLog,
    topics: Topics,
    reader: RecordReader,
    events: Events,
    shown: Callable[[int], None],
) -> None:
    """Look up the events in the log's topics."""
    existing = log.describe([topics.scores, *topics.inputs])
    if topics.scores in existing:
        events.take_scores(log, topics.scores, shown)
    if topics.events in existing:
        events.take_events(log, topics.events, reader, shown)
    if topics.labels in existing:
        events.take_labels(log, topics.labels, reader, shown)
