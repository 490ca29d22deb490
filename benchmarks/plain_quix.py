"""The plain script on Quix Streams: rows of a topic split up and learned by Vowpal Wabbit.

As a new user of it would write it; its consumer is confluent-kafka's. :mod:`benchmarks.pipeline`
installs Quix Streams for itself, into a folder. Run as a process of its own:

    python -m benchmarks.plain_quix SERVERS TOPIC ROWS ARGS
"""

from __future__ import annotations

import csv
import json
import math
import sys
from time import perf_counter, process_time, time_ns

from quixstreams import Application

from benchmarks.data import COLUMNS
from benchmarks.plain_script import Row, with_vw


def main(servers: str, topic: str, rows: int, args: str) -> None:
    """Learn the topic once, and print log loss, and seconds by the clock and of processor time."""
    names = [*COLUMNS, "at", "landed"]
    learn = with_vw(args)
    loss = 0.0

    def scored(row: Row) -> None:
        nonlocal loss
        score = learn(row)
        loss -= math.log(max(score if row["late"] == "1" else 1 - score, 1e-7))

    began, cpu = perf_counter(), process_time()
    group = f"bench{time_ns()}"
    app = Application(servers, consumer_group=group, auto_offset_reset="earliest", loglevel=None)
    stream = app.dataframe(app.topic(topic, value_deserializer="str"))
    stream = stream.apply(lambda text: list(csv.DictReader(text.splitlines(), names)), expand=True)
    stream = stream.update(scored)
    app.run(count=rows, collect=False)
    told = {"wall": perf_counter() - began, "cpu": process_time() - cpu}
    print(json.dumps({**told, "log_loss": loss / rows}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
