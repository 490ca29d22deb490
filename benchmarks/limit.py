"""How near Freshet comes to Vowpal Wabbit alone on text that is ready: ``make bench ARGS=limit``.

In rounds over every log and shape, one after the other: Vowpal Wabbit alone, the plain script (only
on Kafka), Freshet in one process and in two. A ratio is taken within a round, and is the median of
all rounds. Everything is processor time, so that neighbours do not decide, but for what is said of
two processes by the clock. The hash of the model shows that all learned the same lines.

    python -m benchmarks.limit [--events N] [--rounds N] [--logs L ...] [--shapes S ...]
                               [--results FILE]

appends each round to the file as a line of JSON, and goes on where the file ends.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.learner_runs import Runs
from benchmarks.limit_lines import CONTENDED, QUIET, Round, Rounds, lines, print_stages
from benchmarks.processes import one_core_taken
from benchmarks.table import Measured, print_table
from tests.support.streams.broker import running_broker

LOGS = ("sqlite", "kafka")
# The quiet stream comes right after the busy one that it is compared with.
SHAPES = ("immediate", "time", "late", QUIET, "full", CONTENDED)


@dataclass(frozen=True)
class Asked:
    """What to measure.

    Attributes:
        events: of each stream; with fewer than 400,000, checkpoints are not what they are later.
        rounds: of each log and shape.
        results: where rounds are kept.
    """

    events: int = 400_000
    rounds: int = 7
    logs: Sequence[str] = LOGS
    shapes: Sequence[str] = SHAPES
    results: Path | None = None


def run(asked: Asked | None = None) -> list[Measured]:
    """The table's lines about the limit; prints the stages besides."""
    asked = asked or Asked()
    rounds = _kept(asked)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        logs: dict[str, Runs] = {}
        for number, log, shape in _missing(asked, rounds):
            if log not in logs:
                servers = stack.enter_context(running_broker()) if log == "kafka" else None
                logs[log] = Runs(Path(folder) / log, asked.events, servers)
            measured = _measured(logs[log], log, shape)
            rounds[log, shape].append(measured)
            _keep(asked, {"log": log, "shape": shape, "events": asked.events, **measured})
            sys.stderr.write(f"{number + 1}/{asked.rounds} {log} {shape}: {_in_words(measured)}\n")
    print_stages(rounds)
    return lines(rounds)


def _missing(asked: Asked, rounds: Rounds) -> list[tuple[int, str, str]]:
    """What is not measured yet: all logs and shapes once, then all again, and so on."""
    return [
        (number, log, shape)
        for number in range(asked.rounds)
        for log in asked.logs
        for shape in asked.shapes
        if number >= len(rounds[log, shape])
    ]


def _measured(runs: Runs, log: str, shape: str) -> Round:
    """One round: each way once, one after the other."""
    if shape == CONTENDED:
        with one_core_taken(sorted(os.sched_getaffinity(0))):
            return {"one": runs.freshet("immediate", 1), "two": runs.freshet("immediate", 2)}
    found = {"alone": runs.alone(shape)}
    if log == "kafka":
        found["plain"] = runs.script("plain_script")
    found |= {"one": runs.freshet(shape, 1), "two": runs.freshet(shape, 2)}
    models = {found[way]["sha256"] for way in ("alone", "one", "two")}
    if len(models) > 1:
        raise SystemExit(f"Vowpal Wabbit alone did not learn what Freshet did ({shape}): {models}")
    return found


def _in_words(measured: Round) -> str:
    clocks = ("cpu", "wall")
    return "; ".join(
        f"{way} " + ", ".join(f"{clock} {took[clock]:.2f}" for clock in clocks if clock in took)
        for way, took in measured.items()
    )


def _kept(asked: Asked) -> Rounds:
    """The rounds that the file has of so many events."""
    rounds: Rounds = defaultdict(list)
    if asked.results is not None and asked.results.exists():
        for line in asked.results.read_text(encoding="utf-8").splitlines():
            kept = json.loads(line)
            if kept["events"] == asked.events:
                rounds[kept["log"], kept["shape"]].append(kept)
    return rounds


def _keep(asked: Asked, kept: Round) -> None:
    if asked.results is not None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"at": at, **kept}) + "\n")


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description="Freshet against Vowpal Wabbit alone.")
    parser.add_argument("--events", type=int, default=Asked.events)
    parser.add_argument("--rounds", type=int, default=Asked.rounds)
    parser.add_argument("--logs", nargs="+", choices=LOGS, default=LOGS)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--results", type=Path, help="lines of JSON; what is there is not repeated")
    print_table(run(Asked(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
