"""The input of a kill scenario, and the expected outcome of each of its rows.

Flights in records of a few rows, spread over the partitions and cut into chunks as they arrive.
They include everything that has a separate output or count: refused rows and whole
refused records, repeats, rows without id and label, labels that come before their events, too
late, twice, never, or in conflict with an earlier label. :mod:`tests.faults.kill_checks` compares
the outputs with this.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from stream.log.contract import EventLog, Outgoing
from stream.log.topics import Topics
from tests.support.serving.project import flights

# Seconds of stream time that an event waits for its label.
LABEL_WAIT = 172_800
TOO_LATE = LABEL_WAIT + 86_400
# A label that comes first is this much before its event.
EARLY = 900
JSON = (("content-type", b"application/json"),)

# Rows that are refused at any place in a record, by reason.
BAD_ROWS: tuple[tuple[bytes, str], ...] = (
    (b"bad,too,few", "wrong-width"),
    (b"bad,1357016400,1,AX,JFK,3,inf,", "not-finite"),
    (b"bad,1357016400,1,AX,JFK,3,0x1p3,", "not-a-number"),
    (b"bad,1357016400,maybe,AX,JFK,3,100,", "bad-label"),
    (b"bad,yesterday,1,AX,JFK,3,100,", "bad-time"),
    (b"\xff\xfe,1357016400,1,AX,JFK,3,100,", "not-utf8"),
    (b"bad,1357016400,1,A\rX,JFK,3,100,", "bare-cr"),
    (b"", "empty-row"),
)
# Records that are one refused row each.
BAD_RECORDS: tuple[tuple[Outgoing, str], ...] = (
    (Outgoing(b""), "empty-record"),
    (Outgoing(b"{not json", headers=JSON), "bad-json"),
    (Outgoing(b'{"id": "bad", "carrier": {"nested": 1}}', headers=JSON), "nested-value"),
    (Outgoing(b'bad,1357016400,1,"AX,JFK,3,100,\nbad,1,1,AX,JFK,3,1,'), "unclosed-quote"),
)
BAD_LABELS: tuple[tuple[bytes, str], ...] = (
    (b",1", "missing-id"),
    (b"bad", "wrong-width"),
    (b"bad,maybe", "bad-label"),
    (b"\xff,1", "not-utf8"),
)


@dataclass(frozen=True)
class Sent:
    """A record, and for each of its rows the reason why it is refused; empty if it is not."""

    labels: bool
    record: Outgoing
    reasons: tuple[str, ...]


@dataclass
class Ledger:
    """What is sent, and what became of it on the log.

    Attributes:
        chunks: what arrives at one go.
        rows: event rows, refused ones and repeats among them.
        labels: label rows.
        ids: the id of each event that must be scored once; the anonymous ones count as "".
        repeats: rows that must be dropped as duplicates.
        refused: topic, partition, offset and row of what must be a dead letter, with its reason;
            grows as chunks are appended.
    """

    chunks: list[list[Sent]] = field(default_factory=list)
    rows: int = 0
    labels: int = 0
    ids: Counter[str] = field(default_factory=Counter)
    repeats: int = 0
    refused: dict[tuple[str, int, int, int], str] = field(default_factory=dict)

    def append(self, log: EventLog, topics: Topics, chunk: list[Sent]) -> None:
        """Put a chunk on the log, its labels before its events or after them, as they stand."""
        for labels in (True, False) if chunk[0].labels else (False, True):
            sent = [each for each in chunk if each.labels == labels]
            if not sent:
                continue
            topic = topics.labels if labels else topics.events
            for each, place in zip(
                sent, log.append(topic, [each.record for each in sent]), strict=True
            ):
                for row, reason in enumerate(each.reasons):
                    if reason:
                        self.refused[topic, *place, row] = reason


def drawn(events: int, *, late: bool, partitions: int, seed: int) -> Ledger:
    """A ledger of about so many events; the same for the same arguments."""
    drawing = _Drawing(random.Random(seed), late, partitions)
    sent = list(drawing.events(flights(events, seed)))
    if late:
        sent += [each for row in flights(events, seed) for each in drawing.labels(row)]
    sent.sort(key=lambda each: (each.record.time or 0, not each.labels))
    ledger = drawing.ledger
    at = 0
    while at < len(sent):
        chunk = sent[at : at + drawing.draw.randint(1, 25)]
        ledger.chunks.append(chunk)
        at += len(chunk)
    ledger.rows = sum(len(each.reasons) for each in sent if not each.labels)
    ledger.labels = sum(len(each.reasons) for each in sent if each.labels)
    return ledger


@dataclass
class _Drawing:
    """Draws the records and keeps the ledger."""

    draw: random.Random
    late: bool
    partitions: int
    ledger: Ledger = field(default_factory=Ledger)

    def events(self, rows: list[list[str]]) -> Iterator[Sent]:
        """Records of one to eight flights, each at the time of its last one."""
        draw, at = self.draw, 0
        while at < len(rows):
            taken = rows[at : at + draw.randint(1, 8)]
            at += len(taken)
            time, partition = int(taken[-1][1]) * 1000, draw.randrange(self.partitions)
            content = [row for cells in taken for row in self._row(list(cells))]
            value = b"\n".join(text for text, _ in content)
            record = Outgoing(value, time, partition=partition)
            yield Sent(False, record, tuple(reason for _, reason in content))
            if draw.random() < 0.02:
                bad, reason = draw.choice(BAD_RECORDS)
                yield Sent(False, bad._replace(time=time, partition=partition), (reason,))

    def labels(self, cells: list[str]) -> Iterator[Sent]:
        """What comes for a flight: a label in time mostly, and then perhaps another one."""
        draw, (id_, label) = self.draw, (cells[0].encode(), cells[2].encode())
        chance, known = draw.random(), int(cells[-1])
        if chance < 0.03:
            return
        if chance < 0.05:
            yield self._label(id_, label, known + TOO_LATE)
            return
        if chance < 0.08:
            known = int(cells[1]) - EARLY
        yield self._label(id_, label, known)
        again = known + draw.randint(60, 3600)
        if chance > 0.96:
            yield self._label(id_, label, again)
        elif chance > 0.92:
            other = b"0" if label == b"1" else b"1"
            yield self._label(id_, other, again, "conflicting-label")

    def _row(self, cells: list[str]) -> Iterator[tuple[bytes, str]]:
        """A flight's row, and now and then a neighbour that is bad, or the same once more."""
        chance, ids = self.draw.random(), self.ledger.ids
        if self.late:
            cells[2] = ""
        if chance < 0.01:
            cells[0] = cells[2] = ""
        text = ",".join(cells).encode()
        ids[cells[0]] += 1
        yield text, ""
        if 0.01 <= chance < 0.03:
            self.ledger.repeats += 1
            yield text, ""
        elif chance > 0.98:
            yield self.draw.choice(BAD_ROWS)
            ids[f"after-{cells[0]}"] += 1
            yield b"after-" + text, ""

    def _label(self, id_: bytes, label: bytes, known: int, reason: str = "") -> Sent:
        """A label record; all those of an id are on one partition, so that their order is known."""
        rows, reasons = [id_ + b"," + label], [reason]
        if self.draw.random() < 0.02:
            bad, why = self.draw.choice(BAD_LABELS)
            rows.append(bad)
            reasons.append(why)
        partition = int(id_[1:]) % self.partitions
        record = Outgoing(b"\n".join(rows), known * 1000, partition=partition)
        return Sent(True, record, tuple(reasons))
