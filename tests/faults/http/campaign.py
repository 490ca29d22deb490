"""The corpus at its largest: every case in rounds, alone and by eight clients at once.

``python -m tests.faults http --only PART`` tries the cases whose route, media type or name holds
this, and prints each as it goes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console

from tests.faults.http.attack import ROUNDS, Attacked, Outcome, attacked, by_group, label_of
from tests.faults.http.case import Case
from tests.faults.http.corpus import all_cases
from tests.faults.table import Table

LARGEST, CLIENTS = 8 * 2**20, 8
# What the server's memory may grow by between two runs of the corpus, in MiB.
MOST_GROWTH = 64
COLUMNS = (
    *("route and media type", "cases", "clients", "gap, median ms", "gap, longest ms"),
    *("longest of all rounds ms", "peak MiB", "result"),
)


@dataclass(frozen=True)
class Campaign:
    """What became of it.

    Attributes:
        outcomes: alone and by several clients, by number of clients.
        memory: of the server in MiB: before, after all cases of many clients, and at the end.
    """

    outcomes: dict[int, list[Outcome]]
    memory: tuple[float, float, float]

    @property
    def problems(self) -> list[str]:
        """What broke a promise."""
        found = [
            f"{label_of(each.case)}, {clients} at once: {each.trouble}"
            for clients, outcomes in self.outcomes.items()
            for each in outcomes
            if each.trouble
        ]
        _, first, last = self.memory
        if last - first > MOST_GROWTH:
            found.append(f"the server's memory grew from {first:.0f} to {last:.0f} MiB")
        return found

    def table(self) -> Table:
        """A row for each route and media type, and the memory below."""
        rows = [
            row for clients, outcomes in self.outcomes.items() for row in _rows(clients, outcomes)
        ]
        memory = " / ".join(f"{each:.0f}" for each in self.memory)
        rows.append(
            ("memory: at the start / after eight at once / at the end", *[""] * 5, memory, "")
        )
        return Table("Bodies, targets and headers", COLUMNS, rows)


def run(console: Console, only: str = "", rounds: int = ROUNDS) -> Campaign:
    """Try all cases, or those whose label holds a text; eight at once again only if needed."""
    cases = [case for case in all_cases() if only in label_of(case)]
    with tempfile.TemporaryDirectory() as folder, attacked(Path(folder)) as server:
        before = server.memory()
        # First what takes the most memory: after it, nothing may add to it.
        together = _try(console, server, cases, CLIENTS)
        between = server.memory()
        alone = _try(console, server, cases, 1, rounds)
        return Campaign({1: alone, CLIENTS: together}, (before, between, server.memory()))


def _try(
    console: Console, server: Attacked, cases: Iterable[Case], clients: int, rounds: int = 0
) -> list[Outcome]:
    outcomes = []
    for case in cases:
        outcome = server.try_case(case, LARGEST, clients=clients, rounds=rounds)
        gaps = "/".join(f"{1000 * seen.gap:.0f}" for seen in outcome.seen)
        said = f"{label_of(case)}, {clients} at once: {gaps} ms, {outcome.peak:.0f} MiB"
        trouble = outcome.trouble
        console.print(f"{said} {trouble}", style="red" if trouble else "", markup=False)
        outcomes.append(outcome)
    return outcomes


def _rows(clients: int, outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    of_case = {each.case: each for each in outcomes}
    rows: list[tuple[str, ...]] = []
    for group, cases in by_group(list(of_case)).items():
        found = [of_case[case] for case in cases]
        failed = sum(bool(each.trouble) for each in found)
        every = [1000 * seen.gap for each in found for seen in each.seen]
        rows.append(
            (
                group,
                str(len(cases)),
                str(clients),
                f"{median(every):.0f}",
                f"{1000 * max(each.gap for each in found):.0f}",
                f"{max(every):.0f}",
                f"{max(each.peak for each in found):.0f}",
                f"{failed} FAILED" if failed else "as declared",
            )
        )
    return rows
