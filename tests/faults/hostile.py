"""A stream of hostile records from a seed: real-looking flights, odd, bad, shaken, among good ones.

The top of the generators: rows of :mod:`tests.faults.hostile_cells` and ``hostile_json`` are put
into records, one or many, CSV or JSON, with headers that help or lie; labels come late on their own
topic, hostile as well. :mod:`tests.faults.hostile_check` sends them through the real pipeline.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from tests.faults.hostile_cells import (
    AT,
    BAD_LABELS,
    BAD_TIMES,
    MAKERS,
    NAMES,
    NOT_UTF8,
    WEIGHTS,
    Judged,
    Row,
    plain,
    wild,
)
from tests.faults.hostile_json import NO_JSON, json_label, json_row
from tests.support.serving.project import flights

Headers = tuple[tuple[str, bytes], ...]
CSV: Headers = (("content-type", b"text/csv"),)
JSON: Headers = (("content-type", b"application/json"),)


@dataclass(frozen=True, slots=True)
class Hostile:
    """One record, and the judgement of each of its rows as far as it is known.

    Attributes:
        whole: whether the record holds these rows and no more.
    """

    labels: bool
    time: int
    value: bytes
    headers: Headers
    rows: tuple[Judged, ...]
    whole: bool


@dataclass
class Flow:
    """Makes the records of one seed."""

    seed: int
    count: int
    draw: Random = field(init=False)
    known: list[list[str]] = field(default_factory=list)
    labels: list[Hostile] = field(default_factory=list)

    def __post_init__(self) -> None:
        """All chance comes from the seed."""
        self.draw = Random(self.seed)

    def records(self) -> list[Hostile]:
        """All records: events in order of time, then labels in order of time."""
        flow = self._flights()
        events = list(self._events(flow))
        return [*events, *sorted(self.labels, key=lambda record: record.time)]

    def _flights(self) -> Iterator[list[str]]:
        """Flights with ids that no shaken row hits by chance; a third without their label."""
        draw = self.draw
        for cells in flights(self.count, self.seed):
            token = hashlib.sha256(f"{self.seed} {cells[0]}".encode()).hexdigest()[:12]
            cells[0] = f"{cells[0]}-{token}"
            cells += [draw.choice(("", "on time", "a b")), str(draw.randrange(90_000)), ""]
            yield cells

    def _events(self, flow: Iterator[list[str]]) -> Iterator[Hostile]:
        shapes: tuple[Callable[[list[list[str]], int], Hostile], ...] = (
            *(self._csv, self._csv, self._csv, self._csv, self._json, self._columns, self._odd),
        )
        while True:
            wanted = self.draw.choice((1, 1, 2, 5, 40, 200))
            taken = [cells for _, cells in zip(range(wanted), flow, strict=False)]
            if not taken:
                return
            time = int(taken[-1][AT["at"]]) * 1000
            yield self.draw.choice(shapes)([self._late(cells, time) for cells in taken], time)

    def _late(self, cells: list[str], time: int) -> list[str]:
        """Take some labels out of their rows, to come later (or never, or twice, or wrong)."""
        if self.draw.random() < 0.65:
            return cells
        cells = list(cells)
        label, cells[AT["late"]] = cells[AT["late"]], ""
        if self.draw.random() < 0.9:
            at = time + 60_000 * self.draw.choice((0, 20, 60, 400, 15_000))
            self.labels.append(self._label(cells, label, at))
        return cells

    def _label(self, cells: list[str], label: str, time: int) -> Hostile:
        draw, name = self.draw, cells[0].encode()
        if draw.random() < 0.2:
            value = json_label(cells, label, draw)
            return Hostile(True, time, value, draw.choice(((), JSON)), (Judged("good"),), True)
        row = b"%b,%b" % (name, label.encode())
        rows = [Row(row, Judged("good"))]
        while draw.random() < 0.5:
            rows.insert(draw.randrange(len(rows) + 1), self._bad_label(name, row))
        if draw.random() < 0.1:
            rows.append(wild([*cells[:1], label], draw))
        return _record(rows, time, labels=True)

    def _bad_label(self, name: bytes, row: bytes) -> Row:
        draw = self.draw
        return draw.choice(
            (
                Row(b"," + row.split(b",")[1], Judged("bad", "missing-id")),
                Row(name, Judged("bad", "wrong-width")),
                Row(row + b",,", Judged("bad", "wrong-width")),
                Row(name + b",", Judged("bad", "missing-label")),
                Row(
                    b"%b,%b" % (name, draw.choice(BAD_LABELS).encode()), Judged("bad", "bad-label")
                ),
                Row(row + b"," + draw.choice(BAD_TIMES).encode(), Judged("bad", "bad-time")),
                Row(draw.choice(NOT_UTF8) + b"," + row, Judged("bad", "not-utf8")),
                Row(b"nobody-%d,%b" % (draw.getrandbits(64), row[-1:]), Judged("good")),
                Row(row, Judged("good")),
            )
        )

    def _csv(self, flow: list[list[str]], time: int) -> Hostile:
        """CSV, with or without saying so; something shaken may stand at the end."""
        shaken = flow[-1:] if self.draw.random() < 0.2 else []
        rows = [self._row(cells) for cells in flow[: len(flow) - len(shaken)]]
        rows += [wild(cells, self.draw) for cells in shaken]
        headers = self.draw.choice(((), (), CSV, (("content-type", b"text/x; q=\xff"),)))
        return _record(rows, time, headers=headers)

    def _row(self, cells: list[str]) -> Row:
        """A row by chance, or one whose event has been taken before."""
        draw = self.draw
        if self.known and draw.random() < 0.03:
            again = [self.known[-1][0], *cells[1:]]
            return Row(plain(again), Judged("duplicate"))
        make = draw.choices(MAKERS, WEIGHTS)[0]
        row: Row = make(cells, draw)
        if row.judged == Judged("good", cells[0]):
            self.known.append(cells)
        return row

    def _json(self, flow: list[list[str]], time: int) -> Hostile:
        """One object or a list of them, with or without saying so."""
        rows = [json_row(cells, self.draw) for cells in flow]
        judged = tuple(row.judged for row in rows)
        value = rows[0].content
        if len(rows) > 1 or not value.startswith(b"{"):
            value = b"[" + self.draw.choice((b",", b" ,\n")).join(r.content for r in rows) + b"]"
        return Hostile(False, time, value, self.draw.choice(((), JSON)), judged, True)

    def _columns(self, flow: list[list[str]], time: int) -> Hostile:
        """Rows under a header that names another order, fewer columns, or none that there are."""
        draw = self.draw
        names = draw.sample(NAMES, len(NAMES))
        if draw.random() < 0.5:
            names.remove(draw.choice(("carrier", "origin", "note", "raw", "landed")))
        judged = [Judged("good", cells[0]) for cells in flow]
        how = draw.randrange(6)
        if how < 4:
            column = ",".join(names).encode()
        else:
            column, reason = draw.choice(
                (
                    (",".join([*names, names[0]]).encode(), "bad-columns-header"),
                    (",".join([*names[1:], "surprise"]).encode(), "unknown-column"),
                    *((b"", "bad-columns-header"), (b"\xff", "bad-columns-header")),
                )
            )
            judged = [Judged("bad", reason)] * len(flow)
        rows = [
            Row(plain([cells[AT[n]] for n in names]), how_judged)
            for cells, how_judged in zip(flow, judged, strict=True)
        ]
        return _record(rows, time, headers=(*draw.choice(((), CSV)), ("columns", column)))

    def _odd(self, flow: list[list[str]], time: int) -> Hostile:
        """A record that is wrong as a whole, or was shaken as a whole."""
        draw = self.draw
        how = draw.randrange(4)
        if how == 0:
            bad = (Judged("bad", "bad-json"),)
            return Hostile(False, time, draw.choice(NO_JSON), JSON, bad, True)
        if how == 1:
            headers = draw.choice(((), CSV))
            return Hostile(False, time, b"", headers, (Judged("bad", "empty-record"),), True)
        value = bytearray(b"\n".join(plain(cells) for cells in flow))
        for _ in range(draw.randint(1, 1 + len(value) // 100)):
            value[draw.randrange(len(value))] = draw.choice(b'",\n\r\x00\xff{[ 1a\xef')
        headers = draw.choice(((), CSV, JSON, (("columns", draw.randbytes(5)),)))
        return Hostile(False, time, bytes(value), headers, (), False)


def _record(rows: list[Row], time: int, *, labels: bool = False, headers: Headers = ()) -> Hostile:
    """Rows in one record of CSV; behind a shaken row nothing is known."""
    sure = [row.judged for row in rows if row.judged.verdict != "any"]
    value = b"\n".join(row.content for row in rows)
    if not rows[-1].content and value:
        value += b"\n"  # or the last row, which is empty, would not be there
    empty = not value and len(rows) == 1
    judged = [Judged("bad", "empty-record")] if empty else sure
    return Hostile(labels, time, value, headers, tuple(judged), len(sure) == len(rows))
