"""A model's lineages row by row: each batch of the journal taken plainly, each rollback as asked.

The journal only says where batches end and which rollback began a lineage. In which order records
are taken, what is left out, what goes back and which batches a replay takes is decided here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stream.log.batch import EventRows, LabelRows, LeftOut
from stream.log.contract import Place
from tests.replay.walks.state_by_rows import (
    Corrected,
    Cut,
    Frozen,
    Learnt,
    Offset,
    Partition,
    Rules,
    Sent,
)

Scored = tuple[str, float, int]


class Back(NamedTuple):
    """A rollback as it was asked for.

    Attributes:
        learner: ``resume`` or ``replay``.
        lineage: of the version that it goes back to.
        cut: where that version is.
        skipped: the offsets that a replay leaves out.
    """

    learner: str
    lineage: int
    cut: Cut
    skipped: frozenset[Offset]


class Lineages:
    """What the learner is, and was after each of its batches.

    Attributes:
        sent: all records of each partition.
        live: its state.
        serial: the number of its lineage.
        scores: by lineage and batch, id, score and lessons of each row, in order.
        of_record: by lineage, topic, partition and offset, the same of the record's rows.
    """

    def __init__(self, rules: Rules, sent: Mapping[Partition, Sequence[Sent]]) -> None:
        self.rules = rules
        self.live, self.serial = Learnt(rules), 1
        self.scores: dict[tuple[int, int], list[Scored]] = {}
        self.of_record: dict[tuple[int, str, int, int], list[Scored]] = defaultdict(list)
        self.sent = sent
        self._then: dict[tuple[int, frozenset[tuple[Partition, int]]], Frozen] = {}
        self._guide: list[Cut] = []
        self._tip: list[Cut] = []
        self.live.cut = dict.fromkeys(sent, 0)
        self._keep()

    def begin(self, serial: int, back: Back, corrected: Corrected) -> None:
        """A lineage begins by a rollback; a replay takes these rows in place of what it skips."""
        then = self.then(back.lineage, back.cut)
        if back.learner == "resume":
            assert not self._guide, "a resume while a replay reads"
            self.live.resume(then)
        else:
            # One that had not caught up led nowhere: it is where the learner was before it.
            self._tip = self._tip if self._guide else self.live.path
            self.live.close()
            self.live = Learnt.at(then, self.rules)
            self.live.skipped, self.live.corrected = back.skipped, corrected
            self._guide = [cut for cut in self._tip if _is_beyond(cut, self.live.cut)]
        self.serial = serial
        self._keep()

    def batch(self, number: int, cut: Cut) -> None:
        """A batch that ends here; one of a replay as the learner took it before.

        Raises:
            AssertionError: a replay takes another one.
        """
        live = self.live
        if self._guide:
            assert self._guide.pop(0) == cut, "another batch than before"
        live.scores = []
        for record, ids in self._in_order(live.cut, cut):
            before, name = len(live.scores), (record.place.topic, record.place.partition)
            if (*name, record.offset) not in live.skipped:
                live.take(record)
                self.of_record[self.serial, *name, record.offset] = live.scores[before:]
                continue
            instead = live.corrected.get((*name, record.offset), {})
            for _, one in sorted(instead.items()):
                live.take(one.record)
            if instead:
                self.of_record[self.serial, *name, record.offset] = live.scores[before:]
            if len(instead) < len(record.rows):
                left = [id_ for row, id_ in enumerate(ids) if row not in instead]
                live.take(_left_out(record, left))
        self.scores[self.serial, number] = live.scores
        live.cut = cut
        live.path = [*live.path, cut]
        self._keep()

    def then(self, lineage: int, cut: Cut) -> Frozen:
        """What a lineage was, where a version of it was made."""
        return self._then[lineage, frozenset(cut.items())]

    def _keep(self) -> None:
        self._then[self.serial, frozenset(self.live.cut.items())] = self.live.frozen()

    def _in_order(self, begin: Cut, end: Cut) -> Iterator[Sent]:
        """Of the first records of each partition, always the earliest; labels before events."""
        left = {name: list(self.sent[name][begin[name] : end[name]]) for name in end}
        while any(left.values()):
            first = min((records[0] for records in left.values() if records), key=_moment)
            yield left[first.record.place.topic, first.record.place.partition].pop(0)


def _moment(sent: Sent) -> tuple[int, bool, Place]:
    return sent.record.time, isinstance(sent.record, EventRows), sent.record.place


def _left_out(record: EventRows | LabelRows, ids: list[str]) -> LeftOut:
    """A record of which only these ids are known."""
    known = [id_ for id_ in ids if id_]
    return LeftOut(0, not isinstance(record, EventRows), record.time, len(ids), known)


def _is_beyond(cut: Cut, other: Cut) -> bool:
    """Whether a cut is as far as another in all partitions, and further in one."""
    return cut != other and all(cut[name] >= at for name, at in other.items())
