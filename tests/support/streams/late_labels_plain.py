"""Late labels simulated plainly, to compare the whole product with: slow, and obviously right.

One queue of events and labels, one call of Vowpal Wabbit each, text written by hand as
``docs/converter.md`` says. Nothing here is shared with the code that it is compared with: only the
file of flights and the arguments of the learner, which are written out.
"""

from __future__ import annotations

import csv
import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

import vowpalwabbit

# The demo's columns that are crossed, each with the letter of its place; and its learner.
CROSSED = (
    *("date", "month", "weekday", "hour", "minute", "carrier", "flight"),
    *("origin", "dest", "distance"),
)
ARGS = "--loss_function logistic --link logistic --coin --bit_precision 22 --quiet" + "".join(
    f" --interactions {a}{b}" for a, b in combinations("abcdefghij", 2)
)
# Of numbers the centre and scale, and where their bins begin.
NUMBERS = {
    "hour": ("13.14", "4.634", range(7, 22)),
    "minute": ("26.23", "19.31", (1, 2, 9, 15, 20, 26, 30, 31, 38, 45, 46, 54, 56)),
    "distance": (
        *("1044", "730.7"),
        (209, 269, 420, 509, 590, 738, 764, 900, 1008, 1068, 1096, 1390, 1608, 2400, 2500),
    ),
}
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
    crossed = " ".join(
        f"|{letter} {_number(name, flight[name]) if name in NUMBERS else f'{name}={flight[name]}'}"
        for letter, name in zip("abcdefghij", CROSSED, strict=True)
    )
    return f"| tailnum={flight['tailnum']} {crossed}"


def _number(name: str, cell: str) -> str:
    """The bin of a number, and the number scaled to four decimals, at most five from zero."""
    center, scale, edges = NUMBERS[name]
    below = [str(edge) for edge in edges if edge <= int(cell)][-1:]
    above = [str(edge) for edge in edges if edge > int(cell)][:1]
    scaled = (Fraction(cell) - Fraction(center)) / Fraction(scale)
    rounded = Fraction(round(max(Fraction(-5), min(scaled, Fraction(5))) * 10_000), 10_000)
    number = f" {name}:{float(rounded)}" if rounded else ""
    return f"{name}={''.join(below)}..{''.join(above)}{number}"


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
