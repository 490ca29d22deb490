"""``make bench``: every line of the table in one run; names of parts as arguments run only those.

python -m benchmarks [PART ...]; the parts are the names of ``PARTS`` below.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from benchmarks import (
    checkpoints,
    comparison,
    conversion,
    exactly_once,
    explanations,
    freshness,
    honest,
    http,
    limit,
    memory,
    pipeline,
    quality,
    replay,
    text_cost,
    waiting,
)
from benchmarks.table import Measured, print_table
from tests.support.streams.broker import running_broker


def _pipeline() -> list[Measured]:
    with running_broker() as servers:
        return pipeline.run(servers)


def _exactly_once() -> list[Measured]:
    with running_broker() as servers:
        return exactly_once.run(servers)


def _waiting() -> list[Measured]:
    with running_broker() as servers:
        return waiting.run(servers)


def _text() -> list[Measured]:
    with running_broker() as servers:
        return text_cost.run(servers)


PARTS: dict[str, Callable[[], list[Measured]]] = {
    "limit": limit.run,
    "pipeline": _pipeline,
    "exactly-once": _exactly_once,
    "checkpoints": checkpoints.run,
    "memory": memory.run,
    "conversion": conversion.run,
    "http": http.run,
    "freshness": freshness.run,
    "explain": explanations.run,
    "honest": honest.run,
    "comparison": comparison.run,
    "quality": quality.run,
    "replay": replay.run,
    "text": _text,
    "waiting": _waiting,
}


def main(parts: list[str]) -> None:
    """Run the parts and print the table; a line that falls short says so."""
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise SystemExit(f"There is no part {unknown[0]!r}; there are {', '.join(PARTS)}.")
    lines = [line for name in parts or PARTS for line in PARTS[name]()]
    print_table(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
