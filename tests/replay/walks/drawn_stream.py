"""What a walk sends: events and labels, late, twice, corrected, refused or of an earlier time."""

from __future__ import annotations

import random

from converters.convert.records import RowReader
from stream.log.batch import EventRows, LabelRows
from stream.log.contract import Outgoing, Place
from tests.replay.walks.state_by_rows import Offset, Partition, Sent
from tests.support.serving.project import Project

BEGIN_MS = 1_357_016_400_000
SHADOW = '[[shadow]]\nname = "slow"\nargs = "-b 10 -l 0.1"\n'


def config_of(draw: random.Random) -> tuple[str, bool]:
    """What a model is configured to do; and whether it gets its shadow later."""
    late = [f"wait = {draw.choice([600, 3000, 20_000])}"]
    late += ['expired = "negative"'] * (draw.random() < 0.4)
    late += ["allow_corrections = true"] * (draw.random() < 0.4)
    late += [f"label_wait = {draw.choice([300, 5000])}"] * (draw.random() < 0.3)
    late += [f"max_waiting = {draw.choice([5, 30])}"] * (draw.random() < 0.25)
    calibrated = '[calibration]\nmethod = "platt"\nwindow = 100\nevery = 10\n'
    shadow = draw.choice(["", SHADOW, SHADOW, "later"])
    minute = draw.randrange(60)
    text = [
        f'static_after = "2013-01-01T0{draw.randrange(5, 8)}:{minute:02}"\n' * draw.randint(0, 1),
        "[late_labels]\n" + "\n".join(late) + "\n",
        f"[duplicates]\nwindow = {draw.choice([0, 40, 200_000])}\n",
        calibrated * (draw.random() < 0.5),
        "[imbalance]\nnegative_share = 0.5\n" * (draw.random() < 0.4),
        f"[topics]\npartitions = {draw.randint(1, 3)}\n",
        f"[checkpoint]\nevents = {draw.choice([20, 60, 100_000])}\nmin_spacing = 0\nkeep = 1000\n",
        shadow.replace("later", ""),
    ]
    return "".join(text), shadow == "later"


class Stream:
    """Sends what is drawn, and remembers it.

    Attributes:
        sent: the records of each partition.
    """

    def __init__(self, project: Project, draw: random.Random) -> None:
        self._draw, self._project = draw, project
        self._rows = RowReader(project.schema)
        topics = project.topics()
        self.events, self.labels = topics.events, topics.labels
        self._partitions = project.settings.topics.partitions
        self.sent: dict[Partition, list[Sent]] = {
            (topic, at): [] for topic in topics.inputs for at in range(self._partitions)
        }
        self._now, self._count = BEGIN_MS, 0
        self._unlabelled: list[tuple[str, int]] = []

    def send(self, count: int) -> None:
        """Records of events, some with their label, some refused or with an id that was there."""
        draw, flipped = self._draw, self._draw.random() < 0.3
        for _ in range(count):
            self._now += draw.choice([0, 1, 1000, 20_000, 60_000])
            rows = [self._row(flipped=flipped) for _ in range(draw.choice([1, 1, 1, 4]))]
            self._append(self.events, "\n".join(text for _, text in rows), [i for i, _ in rows])

    def corrected(self, offset: Offset, row: int) -> tuple[str, Sent]:
        """A row in place of one of a record's: its text, and itself; now and then another's."""
        topic, partition, at = offset
        record, ids = self.sent[topic, partition][at]
        id_ = ids[row] if self._draw.random() < 0.9 else f"e{self._count + 1_000}"
        place, time, label = Place(topic, partition), record.time, self._draw.randrange(2)
        if topic == self.labels:
            text = f"{id_},{label}"
            return text, Sent(LabelRows(place, at, time, self._rows.labels(text.encode())), [id_])
        said = self._draw.choice(["", label])
        text = f"{id_},{time // 1000},{said},AX,JFK,{self._draw.randrange(24)},500,"
        return text, Sent(EventRows(place, at, time, self._rows.events(text.encode())), [id_])

    def _row(self, *, flipped: bool) -> tuple[str, str]:
        """An event's id and cells."""
        draw = self._draw
        self._count += 1
        id_ = f"e{self._count}"
        if draw.random() < 0.05:
            id_ = draw.choice(["", f"e{draw.randint(1, self._count)}"])
        hour = draw.randrange(24)
        label = int(draw.random() < 0.1 + 0.02 * hour) ^ flipped
        own = draw.random() < 0.35
        if not own and id_:
            self._unlabelled.append((id_, label))
        distance = "x" if draw.random() < 0.03 else draw.randrange(80, 3000)
        carrier, origin = draw.choice("AB") + draw.choice("XYZ"), draw.choice(("JFK", "LGA", ""))
        said = label if own else ""
        return id_, f"{id_},{self._now // 1000},{said},{carrier},{origin},{hour},{distance},"

    def label(self, count: int) -> None:
        """Records of labels: late, twice, corrected, or of an event that is still to come."""
        draw = self._draw
        for _ in range(count):
            self._now += draw.choice([0, 1, 1000, 5000])
            rows = []
            for _ in range(draw.choice([1, 3])):
                if not self._unlabelled:
                    break
                at = draw.randrange(max(0, len(self._unlabelled) - 60), len(self._unlabelled))
                id_, label = self._unlabelled[at]
                if draw.random() < 0.9:
                    self._unlabelled.pop(at)
                if draw.random() < 0.03:
                    id_ = f"e{self._count + draw.randint(1, 40)}"
                rows.append((id_, label ^ (draw.random() < 0.1)))
            if rows:
                text = "\n".join(f"{id_},{label}" for id_, label in rows)
                self._append(self.labels, text, [id_ for id_, _ in rows])

    def _append(self, topic: str, text: str, ids: list[str]) -> None:
        """One record, on any partition, now and then of an earlier time than the one before."""
        partition = self._draw.randrange(self._partitions)
        now = self._now - self._draw.choice([0] * 9 + [120_000])
        with self._project.open_log() as log:
            ((_, offset),) = log.append(topic, [Outgoing(text.encode(), now, (), None, partition)])
        known, place = self.sent[topic, partition], Place(topic, partition)
        assert offset == len(known), "the offsets of this log have no gaps"
        if topic == self.events:
            rows = self._rows.events(text.encode())
            known.append(Sent(EventRows(place, offset, now, rows), ids))
        else:
            labels = self._rows.labels(text.encode())
            known.append(Sent(LabelRows(place, offset, now, labels), ids))
