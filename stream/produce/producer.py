"""``freshet produce``: the records of a file, appended to the log at the requested pace.

Works in stream time and never waits for a label's delay: rows and labels are merged by record
time and sent as fast as the log takes them, at ``rate`` rows a second, or at ``speed`` seconds of
the stream a second.

Labels and events that are sent together are one transaction: a running learner must never see a
label without the events that came before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from uuid import uuid4

from converters.errors import FreshetError
from converters.show.command_line import say
from converters.show.tables import counted
from stream.log.contract import EventLog, Outgoing, OutputWriter, StampError
from stream.log.topics import Topics
from stream.produce.file_records import Formed, History
from stream.stopping import LOG, waiting_for

# Records sent at a time without a pace, and how long a paced one may be delayed.
CHUNK_RECORDS, CHUNK_SECONDS = 500, 0.05


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast to send; both None means as fast as it goes."""

    rate: float | None = None
    speed: float | None = None


@dataclass
class Produced:
    """What has been sent."""

    rows: int = 0
    labels: int = 0
    records: int = 0
    time: int = 0

    @property
    def words(self) -> str:
        """How many rows and labels.

        >>> Produced(rows=1).words
        '1 row and 0 labels'
        """
        labels = counted(self.labels, "label", "labels")
        return f"{counted(self.rows, 'row', 'rows')} and {labels}"


@dataclass
class Producer:
    """Appends formed records to a log, in order.

    Attributes:
        stopping: set to end after the current chunk.
        unsent: the current chunk.
    """

    log: EventLog
    topics: Topics
    partitions: int = 1
    stopping: bool = False
    unsent: list[Formed] = field(default_factory=list)
    produced: Produced = field(default_factory=Produced)

    def send(
        self, formed: Iterable[Formed], pace: Pace, sent: Callable[[Produced], None]
    ) -> Produced:
        """Send everything, or until stopped.

        Args:
            formed: records in order.
            pace: how fast.
            sent: called after each chunk, for progress.
        """
        # A unique name, so that producers do not fence each other off.
        with ExitStack() as closing_writer:
            with waiting_for(LOG):
                writer = self.log.writer(f"producer-{uuid4()}")
            closing_writer.callback(self._close, writer)
            self._send(writer, formed, pace, sent)
        return self.produced

    def _close(self, writer: OutputWriter) -> None:
        with waiting_for(LOG):
            writer.close()

    def _send(
        self,
        writer: OutputWriter,
        formed: Iterable[Formed],
        pace: Pace,
        sent: Callable[[Produced], None],
    ) -> None:
        chunk = self.unsent
        began = flushed = monotonic()
        first: int | None = None
        rows = 0
        for item in formed:
            if first is None:
                first = item.record.time
            due = began + _due(item, pace, rows, first or 0)
            rows += item.rows
            if due > monotonic() or len(chunk) >= CHUNK_RECORDS:
                self._flush(writer, chunk, sent)
                flushed = monotonic()
                self._wait_until(due)
            elif monotonic() - flushed > CHUNK_SECONDS:
                self._flush(writer, chunk, sent)
                flushed = monotonic()
            if self.stopping:
                break
            chunk.append(item)
        self._flush(writer, chunk, sent)

    def _wait_until(self, due: float) -> None:
        while not self.stopping and (left := due - monotonic()) > 0:
            sleep(min(left, 0.1))

    def _flush(
        self, writer: OutputWriter, chunk: list[Formed], sent: Callable[[Produced], None]
    ) -> None:
        if not chunk:
            return
        produced = self.produced
        outputs = {
            topic: [self._placed(f.record) for f in chunk if f.labels == labels]
            for topic, labels in ((self.topics.labels, True), (self.topics.events, False))
        }
        with waiting_for(LOG):
            writer.write(outputs)
        produced.rows += sum(f.rows for f in chunk if not f.labels)
        produced.labels += sum(f.rows for f in chunk if f.labels)
        produced.time = max(produced.time, chunk[-1].record.time or 0)
        chunk.clear()
        sent(produced)

    def _placed(self, record: Outgoing) -> Outgoing:
        """Assign partitions round-robin."""
        self.produced.records += 1
        if self.partitions == 1:
            return record
        return record._replace(partition=self.produced.records % self.partitions)


@contextmanager
def errors_with_progress(producer: Producer, history: History, window: int) -> Iterator[None]:
    """When not all is sent, print how much was, and how to send the rest.

    Args:
        producer: which sends.
        history: what it sends.
        window: how many ids are remembered, so that a row sent again is dropped.
    """
    sent = producer.produced
    try:
        yield
    except FreshetError as error:
        if sent.rows or sent.labels:
            say(f"{sent.words} were sent before this error.")
        if sent.rows:
            say(f"Once it is corrected: {history.rest(sent.rows, sent.time, window)}")
        if isinstance(error, StampError):
            raise history.blaming(error, producer.unsent) from None
        raise
    if producer.stopping:
        say(f"Stopped before all was sent. {history.rest(sent.rows, sent.time, window)}")


def _due(item: Formed, pace: Pace, rows: int, first: int) -> float:
    """Seconds after the start at which a record is to be sent."""
    if pace.rate:
        return rows / pace.rate
    if pace.speed and item.record.time is not None:
        return (item.record.time - first) / 1000 / pace.speed
    return 0.0
