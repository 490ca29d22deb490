"""Reading the log again after a rollback, against having learned it: rows a second of each.

A learner reads all of an embedded log; then it goes back to its first version, with one record in a
hundred left out, and reads the rest again. Both count processor time, without what they take when
there is nothing to read: of the first an empty log is a measure, and of the second a replay from
where the learner is.
"""

from __future__ import annotations

import json
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks.data import config, write_flights
from benchmarks.processes import freshet
from benchmarks.table import Measured, spread
from benchmarks.waiting_stream import fill
from learners.registry import Registry

EVENTS, PAIRS, WAITING = 300_000, 5, 10_000
STREAMS = {"immediate labels": None, "late labels": WAITING}


def run() -> list[Measured]:
    """The table's lines about replays."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_flights(folder / "flights.csv", EVENTS)
        return [_line(folder, what, waiting) for what, waiting in STREAMS.items()]


def _line(folder: Path, what: str, waiting: int | None) -> Measured:
    pairs = [_pair(folder, f"{what[:4]}{number}", waiting) for number in range(PAIRS)]
    found = spread(again / first for first, again in pairs)
    first, again = (sorted(rates)[PAIRS // 2] for rates in zip(*pairs, strict=True))
    return Measured(
        f"a replay against the first learning, {what}",
        *(found.median, "x its rows a second", "1", found.median >= 1),
        f"{found.span}; {again:,.0f} and {first:,.0f} rows/s of processor time",
    )


def _pair(folder: Path, model: str, waiting: int | None) -> tuple[float, float]:
    """Rows a second of learning the log, and of reading it again."""
    toml = folder / model / "freshet.toml"
    toml.parent.mkdir()
    log = f"sqlite:///{toml.parent}/log.db"
    inputs = f"{model}.events", f"{model}.labels"
    # More often than by default, so that there is a version early on the way.
    often = "\n[checkpoint]\nseconds = 1\nmin_spacing = 3\n"
    toml.write_text(config(model, log, *inputs, at='role = "drop"') + often)
    start = _seconds(toml)
    fill(toml, folder / "flights.csv", EVENTS, waiting)
    first = _seconds(toml) - start
    with closing(Registry(f"sqlite:///{toml.parent}/.freshet/registry.db", model)) as registry:
        # The gate may have held back the very first.
        held, *_, tip = [each for each in registry.versions.all() if each.state == "verified"]
    at = held.start.positions[f"{model}.events"][0]
    end = tip.start.positions[f"{model}.events"][0]
    middle = (at + end) // 2
    skip = f"{model}.events:0:{middle}-{middle + (end - at) // 100}"
    again = _replay(toml, held.version, "--skip", skip)
    with closing(Registry(f"sqlite:///{toml.parent}/.freshet/registry.db", model)) as registry:
        newest = registry.versions.all()[-1].version
    again -= _replay(toml, newest)
    rows = [found.events["events"] + found.events["labels"] for found in (held, tip)]
    return rows[1] / first, (rows[1] - rows[0]) / again


def _replay(toml: Path, version: int, *skip: str) -> float:
    """Processor time of going back to a version and reading what comes after it."""
    how = ("--learner", "replay", *skip, "--reason", "measure")
    freshet("rollback", toml, str(version), *how)
    return _seconds(toml)


def _seconds(toml: Path) -> float:
    """Processor time of learning what is there."""
    done = freshet("learn", toml, "--until-end", "--json")
    assert json.loads(done.out)["events"] in (0, EVENTS)
    return done.cpu
