"""Rows to learn, as the converter writes them, and a learner to take them.

Used by the contract of learners and by the tests beside it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from learners import choose
from learners.learner import Learner, LearnerSpec

ROWS = 500
PAIRS = (("a", "b"), ("b", "c"))
CITIES = ("Aachen", "Bonn", "Cork", "Delft", "Évora")


def labelled_lines(rows: int = ROWS, seed: int = 7) -> list[str]:
    """Rows as the converter writes them: raw numbers, missing cells, crosses, a signal to learn."""
    draw = random.Random(seed)
    lines = []
    for number in range(rows):
        city, hour = draw.choice(CITIES), draw.randrange(6)
        distance = draw.uniform(50, 5000)
        odds = 1.5 * (city in CITIES[:2]) + 0.4 * hour - distance / 2000 - 0.5
        label = 1 if draw.random() < 1 / (1 + math.exp(-odds)) else -1
        missing = draw.random() < 0.1
        cells = ["note=" if missing else f"dist:{distance!r}", f"tail=N{draw.randrange(200)}"]
        tiny = f" p:{draw.uniform(1e-6, 1e-2)!r}" if number % 3 else " p=0"
        lines.append(
            f"{label} | {' '.join(cells)}{tiny} |a city={city} |b hour={hour} |c size:{hour + 0.5}"
        )
    return lines


def unlabelled(line: str) -> str:
    """A line without its label."""
    return line[line.index("|") :]


def with_late_labels(lines: Sequence[str], seed: int = 3) -> list[str]:
    """Half of the rows learned on arrival; the others scored, and learned later in any order."""
    draw = random.Random(seed)
    mixed, waiting = [], []
    for line in lines:
        if draw.random() < 0.5:
            mixed.append(line)
        else:
            mixed.append(unlabelled(line))
            waiting.append(line)
        while waiting and draw.random() < 0.4:
            mixed.append(waiting.pop(draw.randrange(len(waiting))))
    return mixed


def with_weights(lines: Sequence[str], most: float, seed: int = 5) -> list[str]:
    """The same lessons, with weights of all sizes up to the most that may be."""
    draw = random.Random(seed)
    weights = ("0", "0.001", "0.5", "1", f"{most / 7:.3f}", f"{most:.0f}")
    return [line.replace(" |", f" {draw.choice(weights)} |", 1) for line in lines]


@contextmanager
def learning(spec: LearnerSpec, lines: Sequence[str] = ()) -> Iterator[Learner]:
    """A learner that has taken these lines; closed at the end."""
    learner = choose.create(spec)
    try:
        learner.step(lines)
        yield learner
    finally:
        learner.close()


def saved_bytes(learner: Learner, folder: Path) -> bytes:
    """What the learner writes."""
    path = folder / "saved"
    learner.save(path)
    return path.read_bytes()
