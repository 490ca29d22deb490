"""The same pipeline without its promises: outputs sent and forgotten, one checkpoint at the end.

What exactly once costs is measured against this. Run as a process of its own:
python -m benchmarks.plain_outputs CONFIG
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from converters.config import load
from converters.schema import schema
from stream.learner.process import Connection, assembled
from stream.log.contract import Outgoing, Place
from stream.log.limits import checked_times
from stream.log_kafka import connection
from stream.log_kafka.client import open_producer
from stream.log_kafka.writers import REQUEST_BYTES, send
from stream.logging import configure_logs
from stream.resolved_config import resolve


class PlainWriter:
    """Hands records to a producer and never asks what became of them."""

    def __init__(self, servers: str, journal: str) -> None:
        self._producer = open_producer(
            connection.Connection(servers), max_request_size=REQUEST_BYTES
        )
        # As such a program would have it: what is full, or a little old, goes out by itself.
        self._producer.config["linger_ms"] = 50
        self._journal = journal

    def write(self, outputs: Mapping[str, Sequence[Outgoing]]) -> dict[Place, int]:
        """Scores and dead letters; there is no journal."""
        for topic, records in outputs.items():
            if topic != self._journal:
                send(self._producer, topic, records, checked_times(topic, records))
        return {}

    def close(self) -> None:
        """Send what lingers."""
        self._producer.deliver()
        self._producer.close()


def main(path: str) -> None:
    """Learn to the log's end and print the report."""
    configure_logs()
    settings = load.load(Path(path))
    context = resolve(settings, schema.from_settings(settings))
    with assembled(context) as process:
        assert process.connection is not None
        event_log = process.connection.event_log
        process.connection.writer.close()
        writer = PlainWriter(settings.log.removeprefix("kafka://"), process.topics.journal)
        process.connection = Connection(event_log, writer)
        report = process.run(lambda _batch, _learning: None, until_end=True)
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
