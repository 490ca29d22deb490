"""The closing tables: on the terminal, and as markdown for the documentation.

Takes the outcomes of :mod:`tests.faults.kills` and the results of the other fault tests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from tests.faults.kills import Outcome
from tests.faults.points import POINTS, REGIONS

INSIDE = frozenset(REGIONS) - {REGIONS[0], REGIONS[1], "between commits"}


@dataclass(frozen=True)
class Table:
    """A heading, column names and rows of text."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a section of a markdown document."""
        lines = [f"## {self.heading}", ""]
        cells = [self.columns, ["---"] * len(self.columns), *self.rows]
        lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells]
        return "\n".join(lines) + "\n"

    def show(self, console: Console) -> None:
        """On the terminal, nothing cut off."""
        table = RichTable(title=self.heading, title_justify="left")
        for column in self.columns:
            table.add_column(column, overflow="fold")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)


def of_scenarios(outcomes: Sequence[Outcome]) -> Table:
    """A row for each scenario, and their sum."""
    columns = (
        *("scenario", "kills", "inside a commit", "readers killed", "events", "labels"),
        *("result", "seconds"),
    )
    rows = [
        (
            outcome.name,
            f"{outcome.kills:,}",
            f"{sum(n for region, n in outcome.regions.items() if region in INSIDE):,}",
            f"{outcome.readers:,}",
            f"{outcome.events:,}",
            f"{outcome.labels:,}",
            "FAILED" if outcome.problems else "the same, 0 lost, 0 twice",
            f"{outcome.seconds:.0f}",
        )
        for outcome in outcomes
    ]
    inside = sum(n for o in outcomes for region, n in o.regions.items() if region in INSIDE)
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    total = (
        "together",
        f"{sum(o.kills for o in outcomes):,}",
        f"{inside:,}",
        f"{sum(o.readers for o in outcomes):,}",
        f"{sum(o.events for o in outcomes):,}",
        f"{sum(o.labels for o in outcomes):,}",
        f"{failed} FAILED" if failed else "all the same",
        f"{sum(o.seconds for o in outcomes):.0f}",
    )
    return Table("Kills by scenario", columns, [*rows, total])


def of_regions(outcomes: Sequence[Outcome]) -> Table:
    """Where the learner stood when it was killed."""
    every, named = _sum(o.regions for o in outcomes), _sum(o.named for o in outcomes)
    rows = [
        (region, str(named[region]), str(every[region] - named[region]), str(every[region]))
        for region in REGIONS
    ]
    plain = sum(outcome.plain for outcome in outcomes)
    rows.append(("started as users start it, at any moment", "", str(plain), str(plain)))
    columns = ("the learner was", "at a named point", "at any moment", "kills")
    return Table("Where the kills landed", columns, rows)


def of_points(outcomes: Sequence[Outcome]) -> Table:
    """How often each named point was the last."""
    points = _sum(outcome.points for outcome in outcomes)
    rows = [(point.name, point.log or "both", str(points[point.name])) for point in POINTS]
    return Table("Kills at named points", ("point", "log", "kills"), rows)


def _sum(counts: Iterable[dict[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return total
