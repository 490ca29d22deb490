"""Plays the flights into the log: rows at their departure, labels at their landing.

Works on a thread of its own beside the demo's loop, with the same parts as ``freshet produce``.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from time import monotonic
from types import TracebackType
from typing import Self

from converters.files.csv_file import open_csv
from serve.demo.flights import LANDED, write_flights
from serve.demo.folder import DemoFolder
from stream.log.topics import create_topics, described
from stream.open_log import opened
from stream.produce.file_records import History, HistoryOptions
from stream.produce.producer import Pace, Produced, Producer


class Player:
    """Sends a folder's flights.

    Args:
        folder: where the flights are written, and whose log they are sent to.
        flights: how many at most.
        speed: seconds of the stream a second; 0 for as fast as it goes.
    """

    def __init__(self, folder: DemoFolder, flights: int | None, speed: float) -> None:
        self._folder = folder
        self._flights = flights
        self._pace = Pace(speed=speed or None)
        self._pool = ThreadPoolExecutor(1, "player")
        self._producer: Producer | None = None
        self._stopped = False
        self._ends: Future[dict[str, int]] | None = None
        self.produced = Produced()
        self.began: float | None = None

    def __enter__(self) -> Self:
        """Begin to play."""
        self._ends = self._pool.submit(self._play)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, and wait for the thread."""
        self.stop()

    def stop(self) -> None:
        """Send nothing after the records at hand."""
        self._stopped = True
        if self._producer is not None:
            self._producer.stopping = True
        self._pool.shutdown()

    def ends(self) -> dict[str, int] | None:
        """Where each topic ends once all has been sent, as heartbeats name places; None before.

        Raises:
            FreshetError: what the thread has died of.
        """
        return self._ends.result() if self._ends is not None and self._ends.done() else None

    def _play(self) -> dict[str, int]:
        folder = self._folder
        write_flights(folder.flights, self._flights)
        with closing(opened(folder.settings)) as log, open_csv(str(folder.flights)) as file:
            history = History(file, folder.schema, HistoryOptions(label_time=LANDED))
            topics = create_topics(log, folder.settings)
            self._producer = producer = Producer(log, topics)
            producer.stopping = self._stopped
            self.began = monotonic()
            producer.send(history.records(), self._pace, self._sent)
            states = described(log, topics.inputs).values()
            return {f"{p.topic}:{p.partition}": at for s in states for p, at in s.ends.items()}

    def _sent(self, produced: Produced) -> None:
        self.produced = replace(produced)
