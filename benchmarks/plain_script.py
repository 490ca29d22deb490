"""The baseline: what a good engineer writes in an afternoon, and what we must be faster than.

kafka-python (with crc32c), ``csv.DictReader``, one VW text a row, ``predict`` then ``learn``. No
checks, no outputs, no checkpoints, no joins; a running log loss. Run as a process of its own:

    python -m benchmarks.plain_script SERVERS TOPIC ROWS ARGS
"""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator
from time import perf_counter, process_time

import vowpalwabbit
from kafka import KafkaConsumer, TopicPartition

from benchmarks.data import COLUMNS, NUMERIC

Row = dict[str, str]


def rows_of(servers: str, topic: str, rows: int) -> Iterator[Row]:
    """So many rows of a topic, by the names of their columns."""
    names = [*COLUMNS, "at", "landed"]
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    seen = 0
    while seen < rows:
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                for row in csv.DictReader(record.value.decode().splitlines(), names):
                    yield row
                    seen += 1
    consumer.close()


def learned(servers: str, topic: str, rows: int, learn: Callable[[Row], float]) -> None:
    """Learn the topic once and print log loss, and seconds by the clock and of processor time.

    Args:
        servers: of Kafka.
        topic: one partition of events.
        rows: how many it has.
        learn: scores a row, and then learns it.
    """
    began, cpu = perf_counter(), process_time()
    loss = 0.0
    for row in rows_of(servers, topic, rows):
        score = learn(row)
        loss -= math.log(max(score if row["late"] == "1" else 1 - score, 1e-7))
    told = {"wall": perf_counter() - began, "cpu": process_time() - cpu}
    print(json.dumps({**told, "log_loss": loss / rows}))


def with_vw(args: str) -> Callable[[Row], float]:
    """Vowpal Wabbit row by row."""
    workspace = vowpalwabbit.Workspace(f"--loss_function logistic --link logistic --quiet {args}")

    def learn(row: Row) -> float:
        features = " ".join(
            f"{name}:{row[name]}" if name in NUMERIC else f"{name}={row[name]}"
            for name in COLUMNS[2:]
        )
        label = 1 if row["late"] == "1" else -1
        score: float = workspace.predict(f"| {features}")
        workspace.learn(f"{label} | {features}")
        return score

    return learn


if __name__ == "__main__":
    learned(sys.argv[1], sys.argv[2], int(sys.argv[3]), with_vw(sys.argv[4]))
