"""Late labels simulated plainly, to compare the whole product with: slow, and obviously right.

One queue of events and labels, one call of Vowpal Wabbit each, text written by hand as
``docs/converter.md`` says. Nothing here is shared with the code that it is compared with: only the
file of flights and the arguments of the learner, which are written out.
"""

from __future__ import annotations

import csv
import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import vowpalwabbit

# The demo's learner. Each crossed column has a letter, in the order in which the crosses name them.
ARGS = (
    "--loss_function logistic --link logistic --coin --bit_precision 22 --quiet"
    " --interactions ab --interactions ac --interactions ad --interactions be"
    " --interactions bf --interactions cf --interactions de --interactions df"
)
ALONE = ("weekday", "minute", "flight", "tailnum")
CROSSED = {"f": "date", "a": "month", "e": "hour", "d": "carrier", "b": "origin", "c": "dest"}
HOUR = 3_600_000
# At one moment labels come before events.
LABEL, EVENT = 0, 1


@dataclass(frozen=True)
class Scored:
    """What an event got when it arrived: its score, and how many lessons were behind it."""

    score: float
    lessons: int


def simulated(path: Path, hours_ahead: int) -> dict[str, Scored]:
    """Each flight's score by id, asked so many hours before departure, learned from at landing."""
    with path.open(encoding="utf-8", newline="") as file:
        flights = list(csv.DictReader(file))
    queue: list[tuple[int, int, int]] = []
    for number, flight in enumerate(flights):
        asked = _milliseconds(flight["scheduled"]) - hours_ahead * HOUR
        heapq.heappush(queue, (asked, EVENT, number))
        heapq.heappush(queue, (_milliseconds(flight["landed"]), LABEL, number))
    workspace: Any = vowpalwabbit.Workspace(ARGS)
    scored: dict[str, Scored] = {}
    lessons = 0
    while queue:
        _, what, number = heapq.heappop(queue)
        flight = flights[number]
        if what == EVENT:
            scored[flight["id"]] = Scored(workspace.predict(features(flight)), lessons)
        else:
            label = {"1": "1", "0": "-1"}[flight["late"]]
            workspace.learn(f"{label} {features(flight)}")
            lessons += 1
    workspace.finish()
    return scored


def features(flight: Mapping[str, str]) -> str:
    """A flight as Vowpal Wabbit text, without its label."""
    alone = " ".join(f"{name}={flight[name]}" for name in ALONE)
    crossed = " ".join(f"|{letter} {name}={flight[name]}" for letter, name in CROSSED.items())
    return f"| {alone} distance:{math.log(1 + int(flight['distance']))!r} {crossed}"


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
