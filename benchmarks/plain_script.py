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
from time import perf_counter

import vowpalwabbit
from kafka import KafkaConsumer, TopicPartition

from benchmarks.data import COLUMNS, NUMERIC


def main(servers: str, topic: str, rows: int, args: str) -> None:
    """Learn the topic once and print seconds and log loss."""
    workspace = vowpalwabbit.Workspace(f"--loss_function logistic --link logistic --quiet {args}")
    names = [*COLUMNS, "at", "landed"]
    began = perf_counter()
    consumer = KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    seen, loss = 0, 0.0
    while seen < rows:
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                for row in csv.DictReader(record.value.decode().splitlines(), names):
                    features = " ".join(
                        f"{name}:{row[name]}" if name in NUMERIC else f"{name}={row[name]}"
                        for name in COLUMNS[2:]
                    )
                    label = 1 if row["late"] == "1" else -1
                    score = workspace.predict(f"| {features}")
                    workspace.learn(f"{label} | {features}")
                    loss -= math.log(max(score if label == 1 else 1 - score, 1e-7))
                    seen += 1
    seconds = perf_counter() - began
    consumer.close()
    print(json.dumps({"seconds": seconds, "rows": seen, "log_loss": loss / seen}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
