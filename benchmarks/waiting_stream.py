"""A stream of any length from the flights, with as many events waiting at a time as one likes.

The flights again and again, under new ids: a thousand events a second of stream time, fifty to a
record if nothing else is said, and each record's labels in one record, as much later as it takes
for so many events to wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path

from benchmarks.data import config
from converters.config import load as settings_file
from stream.log.contract import Outgoing
from stream.log.topics import create_topics
from stream.open_log import opened

BEGIN = 1_357_016_400_000  # 2013 in New York, as milliseconds
RECORD_ROWS = 50
CHUNK_RECORDS = 2_000


def fill(
    toml: Path, flights: Path, events: int, waiting: int | None, record_rows: int = RECORD_ROWS
) -> None:
    """Create the topics of a config and put events on them, and their labels.

    Args:
        toml: the config.
        flights: what :func:`benchmarks.data.write_flights` wrote.
        events: how many.
        waiting: how many of them wait for their label at a time, for as many milliseconds; None
            puts the labels into the rows.
        record_rows: how many rows a record has.
    """
    settings = settings_file.load(toml)
    rows = flights.read_bytes().splitlines()[1:]
    # Without the id, and with the label apart.
    parts = [row.split(b",", 2)[1:] for row in rows]
    groups = _groups(parts, events, record_rows)
    with closing(opened(settings)) as log:
        topics = create_topics(log, settings)
        while chunk := list(islice(groups, CHUNK_RECORDS)):
            late = waiting is not None
            log.append(topics.events, [_event(at, group, late=late) for at, group in chunk])
            if waiting is not None:
                log.append(topics.labels, [_labels(at + waiting, group) for at, group in chunk])


def model(name: str, servers: str, args: str, processes: int) -> str:
    """The config of a model that reads the topics of its own name."""
    inputs = (f"{name}.events", f"{name}.labels")
    return config(name, f"kafka://{servers}", *inputs, args, processes=processes)


Row = tuple[int, bytes, bytes]  # id, label, the cells behind it
Group = tuple[int, Sequence[Row]]


def _groups(parts: Sequence[Sequence[bytes]], events: int, record_rows: int) -> Iterator[Group]:
    """The rows of each record, with its time: one event each millisecond."""
    rows = ((number, label, cells) for number, (label, cells) in enumerate(cycle(parts)))
    for first in range(0, events, record_rows):
        yield BEGIN + first, list(islice(rows, min(record_rows, events - first)))


def _event(at: int, group: Sequence[Row], *, late: bool) -> Outgoing:
    rows = [b"%d,%b,%b" % (number, b"" if late else label, cells) for number, label, cells in group]
    return Outgoing(b"\n".join(rows), at)


def _labels(at: int, group: Sequence[Row]) -> Outgoing:
    return Outgoing(b"\n".join(b"%d,%b" % (number, label) for number, label, _ in group), at)
