"""What rounds of :mod:`benchmarks.limit` come to: the table's lines, and the table of stages."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.learner_runs import SHAPES
from benchmarks.table import Measured, Spread, spread
from benchmarks.waiting_stream import RECORD_ROWS
from stream.stages import BACKGROUND, OWN, READER, STAGES, START

# One round of one log and shape: what each way took, in microseconds a row.
Round = dict[str, Any]
# By log and shape.
Rounds = dict[tuple[str, str], list[Round]]

QUIET, BUSY, CONTENDED = "quiet", "late", "contended"
NAMES = {"sqlite": "SQLite", "kafka": "Kafka"}
# The least and the goal, of Vowpal Wabbit alone: one process by processor time, two by the clock.
Wanted = Sequence[tuple[float, float | None]]
AT_ONCE: Wanted = ((0.30, 0.45), (0.45, 0.65))
JOINED: Wanted = ((0.22, None), (0.35, None))
WANTED = {"immediate": AT_ONCE, "time": AT_ONCE, "late": JOINED, "full": JOINED}
# The least share of learning in the learner's own thread, by the number of processes.
SHARES = {"one": 0.30, "two": 0.60}
MOST_QUIET = 1.5
WHOSE = (OWN, BACKGROUND, READER)


def lines(rounds: Rounds) -> list[Measured]:
    """The table's lines."""
    found: list[Measured] = []
    for (log, shape), of in rounds.items():
        if not of:
            continue
        if shape in WANTED:
            found += _against_alone(f"{NAMES[log]}, {SHAPES[shape].what}", of, WANTED[shape])
        elif shape == QUIET and (busy := rounds.get((log, BUSY))):
            found += _quiet(f"{NAMES[log]}, {SHAPES[shape].what}", of, busy)
        elif shape == CONTENDED:
            found.append(_contended(NAMES[log], of))
    return found


def _against_alone(what: str, of: Sequence[Round], wanted: Wanted) -> list[Measured]:
    one, two = (
        spread(each["alone"]["cpu"] / each[way][clock] for each in of)
        for way, clock in (("one", "cpu"), ("two", "wall"))
    )
    both = spread(each["alone"]["cpu"] / each["two"]["cpu"] for each in of)
    return [
        Measured(
            f"{what}: one process",
            *(one.median, "of VW alone, by processor time", *_judged(one, *wanted[0])),
            f"{one.span} in {len(of)} rounds; {_took(of, 'one')}",
        ),
        Measured(
            f"{what}: two processes",
            *(two.median, "of VW alone, by the clock", *_judged(two, *wanted[1])),
            f"{two.span}; {both.median:.2f} ({both.span}) by processor time; {_took(of, 'two')}",
        ),
        *(_share(what, of, way) for way in SHARES),
    ]


def _judged(found: Spread, least: float, goal: float | None) -> tuple[str, bool]:
    goals = "" if goal is None else f", goal {goal:.2f}"
    return f"{least:.2f}{goals}", found.median >= least


def _took(of: Sequence[Round], way: str) -> str:
    """Microseconds a row, of VW alone in both ways to count it, and against the plain script."""
    alone, once, cpu, start = (
        median(each[whose][name] for each in of)
        for whose, name in (("alone", "cpu"), ("alone", "once"), (way, "cpu"), (way, "start"))
    )
    said = f"{cpu:.2f} us a row against {alone:.2f}"
    if once < alone:
        ratio = spread(each["alone"]["once"] / each[way]["cpu"] for each in of)
        said += f" ({once:.2f} if each row is only learned: {ratio.median:.2f}, {ratio.span})"
    if "plain" in of[0]:
        ratio = spread(each["plain"]["cpu"] / each[way]["cpu"] for each in of)
        said += f"; {ratio.median:.2f}x the plain script ({ratio.span})"
    return f"{said}; start of {start:.1f} s left out"


def _share(what: str, of: Sequence[Round], way: str) -> Measured:
    found = spread(each[way]["profile"]["learn_share"] for each in of)
    return Measured(
        f"{what}: {way} process{'es' * (way == 'two')}, learning",
        *(found.median, "of the learner's thread", *_judged(found, SHARES[way], None)),
        found.span,
    )


def _quiet(what: str, of: Sequence[Round], busy: Sequence[Round]) -> list[Measured]:
    found = []
    for way, words in (("one", "one process"), ("two", "two processes")):
        ratio = spread(
            quiet[way]["cpu"] / other[way]["cpu"] for quiet, other in zip(of, busy, strict=False)
        )
        line = Measured(
            f"{what}: {words}",
            *(ratio.median, f"x the time of {RECORD_ROWS} rows a record, at most"),
            *(f"{MOST_QUIET}", ratio.median <= MOST_QUIET),
            f"{ratio.span}; {_took(of, way)}",
        )
        found.append(line)
    return found


def _contended(log: str, of: Sequence[Round]) -> Measured:
    found = spread(each["one"]["wall"] / each["two"]["wall"] for each in of)
    one, two = (median(each[way]["wall"] for each in of) for way in ("one", "two"))
    return Measured(
        f"{log}, one of two cores taken: two processes",
        *(found.median, "x the speed of one process, by the clock", *_judged(found, 1.0, None)),
        f"{found.span}; {two:.2f} us a row against {one:.2f}",
    )


def print_stages(rounds: Rounds) -> None:
    """Print the microseconds of processor time a row of each stage, the medians of all rounds."""
    table = Table(title="us a row by stage; start in seconds")
    for name in ("log", "what", "processes", "whose", *STAGES):
        table.add_column(name, justify="left" if name not in STAGES else "right")
    for (log, shape), of in rounds.items():
        for way in ("one", "two") if shape != CONTENDED else ():
            profiles = [each[way]["profile"] for each in of]
            for whose in WHOSE:
                figures = [_stage(profiles, whose, stage) for stage in STAGES]
                if any(figures):
                    cells = (f"{figure:.2f}" if figure else "" for figure in figures)
                    table.add_row(NAMES[log], shape, way, whose, *cells)
    if table.row_count:
        Console(width=160).print(table)


def _stage(profiles: Sequence[dict[str, Any]], whose: str, stage: str) -> float:
    return float(
        median(
            (1 if stage == START else 1e6 / profile["rows"])
            * profile["seconds"].get(whose, {}).get(stage, 0.0)
            for profile in profiles
        )
    )
