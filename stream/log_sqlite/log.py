"""The embedded log: topics in one SQLite file that several processes share.

The default, for a machine without Kafka. What is appended is on disk when the call returns, and
offsets of a partition are consecutive. :mod:`stream.log_sqlite.file` lays the file out,
:mod:`stream.log_sqlite.reader` reads it.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from stream.log.contract import FencedError, Outgoing, Place, TopicSpec, TopicState
from stream.log.limits import check_names, check_position, checked_times, later, unknown
from stream.log_sqlite.file import (
    HERE,
    OFFSET_BITS,
    LogFile,
    insert,
    newest_time,
    transaction,
)
from stream.log_sqlite.reader import SqliteReader


class SqliteLog:
    """A log in a SQLite file; see :class:`stream.log.contract.EventLog`.

    Args:
        path: the file.
        create: whether to make it, with its folder, where it is missing.

    Raises:
        LogError: the file is missing or cannot be used; the message says why.
        LogUnavailableError: another process keeps it locked.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        self._file = LogFile(path, create=create)
        self._turn = threading.Lock()
        with self._file.errors():
            self._connection = self._file.connect()

    def create_topics(self, topics: Sequence[TopicSpec], *, accept_retention: bool) -> None:
        """Create what is missing; this log never deletes or restamps a record."""
        del accept_retention
        check_names(topics)
        with self._turn, self._file.errors(), transaction(self._connection):
            for topic in topics:
                self._connection.execute(
                    "INSERT OR IGNORE INTO topics VALUES (?, ?)", (topic.name, str(uuid.uuid4()))
                )
                self._connection.executemany(
                    "INSERT OR IGNORE INTO partitions (topic, number) VALUES (?, ?)",
                    [(topic.name, number) for number in range(topic.partitions)],
                )

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """Identity and offsets of the topics that exist."""
        return {name: state for name, (state, _) in self._look_up(topics).items()}

    def newest_times(self, topics: Sequence[str]) -> dict[str, int | None]:
        """The highest record time in each topic; what is known of it is kept in the file."""
        self._file.check()
        times: dict[str, int | None] = dict.fromkeys(topics)
        with self._turn, self._file.errors(), transaction(self._connection):
            rows = self._connection.execute(
                "SELECT topic, id, next_offset FROM partitions"
            ).fetchall()
            for topic, identifier, end in rows:
                if topic in times:
                    found = newest_time(self._connection, identifier, end)
                    times[topic] = later(times[topic], found)
        return times

    def append(self, topic: str, records: Sequence[Outgoing]) -> list[tuple[int, int]]:
        """Append in order, as one transaction."""
        times = checked_times(topic, records)
        self._file.check()
        with self._turn, self._file.errors(), transaction(self._connection):
            return insert(self._connection, topic, records, times)

    def read(self, positions: Mapping[Place, int]) -> SqliteReader:
        """A reader of these partitions from these positions."""
        self._file.check()
        found = self._look_up({place.topic for place in positions})
        identifiers = {}
        for place, position in positions.items():
            state, ids = found.get(place.topic, (TopicState(""), {}))
            if place not in ids:
                raise unknown(place, len(ids), HERE)
            check_position(place, position, state.begins[place], state.ends[place])
            identifiers[place] = ids[place]
        known = [place for _, ids in found.values() for place in ids]
        return SqliteReader(self._file, positions, identifiers, known)

    def writer(self, name: str) -> SqliteWriter:
        """The transactional writer of this name; older ones are fenced off."""
        return SqliteWriter(self._file, name)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _look_up(
        self, topics: Sequence[str] | set[str]
    ) -> dict[str, tuple[TopicState, dict[Place, int]]]:
        """The state of each topic that exists, and the ids of its partitions."""
        found: dict[str, tuple[TopicState, dict[Place, int]]] = {}
        with self._turn, self._file.errors():
            # One statement, so that its result is consistent.
            rows = self._connection.execute(
                "SELECT name, topic_id, number, id, next_offset,"
                " (SELECT min(r.id) FROM records r WHERE r.id >= p.id << ?"
                "  AND r.id < (p.id + 1) << ?) - (p.id << ?)"
                " FROM topics JOIN partitions p ON topic = name ORDER BY name, number",
                [OFFSET_BITS] * 3,
            ).fetchall()
        for name, topic_id, number, identifier, end, begin in rows:
            if name in topics:
                state, ids = found.setdefault(name, (TopicState(topic_id), {}))
                place = Place(name, number)
                ids[place] = identifier
                state.begins[place] = end if begin is None else begin
                state.ends[place] = end
        return found


class SqliteWriter:
    """Writes outputs; see :class:`stream.log.contract.OutputWriter`.

    A row for each name has an epoch that every new writer of the name increments; an older one
    finds, inside its own transaction, that the epoch has changed.
    """

    def __init__(self, file: LogFile, name: str) -> None:
        self._file = file
        self._name = name
        file.check()
        with file.errors():
            self._connection = file.connect()
            with transaction(self._connection):
                self._connection.execute(
                    "INSERT INTO writers VALUES (?, 1)"
                    " ON CONFLICT (name) DO UPDATE SET epoch = epoch + 1",
                    (name,),
                )
                self._epoch = self._current()

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> dict[Place, int]:
        """Append all records of all topics, or none; the next offset of each partition."""
        times = {topic: checked_times(topic, records) for topic, records in outputs.items()}
        self._file.check()
        reached: dict[Place, int] = {}
        with self._file.errors(), transaction(self._connection):
            if self._current() != self._epoch:
                raise FencedError(
                    f"Another learner has taken over the outputs of `{self._name}` in"
                    f" {self._file.path}. Let only one learner of a model run."
                )
            for topic, records in outputs.items():
                given = insert(self._connection, topic, records, times[topic])
                last = dict(given)  # of each partition
                reached |= {Place(topic, number): offset + 1 for number, offset in last.items()}
        return reached

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _current(self) -> int:
        """The epoch of the current writer."""
        (epoch,) = self._connection.execute(
            "SELECT epoch FROM writers WHERE name = ?", (self._name,)
        ).fetchone()
        return int(epoch)
