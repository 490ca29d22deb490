"""What numbers in bins and all pairs cost: the demo's config against the one that it had before.

That one held hours and minutes as categories, the distance as one number, and eight crosses that
were chosen by hand. Both learn the same flights from the same topics of a real broker, late labels
joined, and serve them; ratios are of processor time.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import time_ns

from benchmarks.http import JSON_BODY, Served, served
from benchmarks.processes import freshet, spent
from benchmarks.table import Measured, spread
from converters.config.toml_text import quoted, value
from serve.demo.flights import CONFIG, write_flights

ROWS, PAIRS = 120_000, 7
BY_HAND = [
    *(["month", "origin"], ["month", "dest"], ["month", "carrier"], ["origin", "hour"]),
    *(["carrier", "hour"], ["date", "origin"], ["date", "dest"], ["date", "carrier"]),
]
CATEGORIES = ("date", "month", "weekday", "hour", "minute", "carrier", "flight", "origin", "dest")


def before() -> str:
    """The demo's config as it was."""
    content = tomllib.loads(CONFIG)
    content["columns"] |= {name: {"kind": "categorical"} for name in CATEGORIES}
    content["columns"]["distance"] = {
        "kind": "numeric",
        "min": 0,
        "max": 6000,
        "transform": "log1p",
    }
    content["learner"]["interactions"] = BY_HAND
    lines = [f"model = {quoted(content.pop('model'))}"]
    for name, section in content.items():
        lines += [f"[{name}]", *(f"{key} = {value(each)}" for key, each in section.items())]
    return "\n".join(lines) + "\n"


def run(servers: str, rows: int = ROWS, pairs: int = PAIRS) -> list[Measured]:
    """The table's lines about the new text."""
    with tempfile.TemporaryDirectory() as folder:
        return [_learned(Path(folder), servers, rows, pairs), _predicted(Path(folder), pairs)]


def _learned(folder: Path, servers: str, rows: int, pairs: int) -> Measured:
    """Rows a second from Kafka to learned, outputs and checkpoints on."""
    flights, stamp = folder / "flights.csv", time_ns()
    write_flights(flights, rows)
    texts = {"before": before(), "now": CONFIG}

    def written(name: str, number: int) -> Path:
        toml = folder / f"{name}{number}" / "freshet.toml"
        toml.parent.mkdir()
        top = f'log = "kafka://{servers}"\n'
        named = texts[name].replace('model = "flights"', f'model = "cost-{name}{stamp}x{number}"')
        topics = f'[topics]\nevents = "cost{stamp}.events"\nlabels = "cost{stamp}.labels"\n'
        toml.write_text(f"{top}{named}{topics}")
        return toml

    spent(
        *("-m", "serve.cli", "produce", str(flights), "--label-time", "landed"),
        *("--config", str(written("now", pairs))),
    )
    took: list[dict[str, float]] = []
    for number in range(pairs):
        runs = {}
        for name in texts:
            done = freshet("learn", written(name, number), "--until-end", "--json")
            assert json.loads(done.out)["learned"] == rows
            runs[name] = 1e6 * done.cpu / rows
        took.append(runs)
    found = spread(each["before"] / each["now"] for each in took)
    us = {name: median(each[name] for each in took) for name in texts}
    return Measured(
        "Kafka to learned by the demo's config, with its start",
        *(found.median, "x the one before", "0.5", found.median >= 0.5),
        f"{found.span} in {pairs} pairs; {us['now']:.1f} us a row against {us['before']:.1f}",
    )


def _predicted(folder: Path, pairs: int) -> Measured:
    """Processor time of one row a request."""
    with ExitStack() as stack:
        servers = {}
        for name, text in (("before", before()), ("now", CONFIG)):
            home = folder / f"served-{name}"
            home.mkdir()
            servers[name] = stack.enter_context(served(home, text, write_flights))
        took = [{name: _each(server) for name, server in servers.items()} for _ in range(pairs)]
    found = spread(each["now"] / each["before"] for each in took)
    us = {name: median(each[name] for each in took) for name in servers}
    return Measured(
        "one row a request over HTTP, processor time by the demo's config",
        *(found.median, "x the one before", "at most 1.5", found.median <= 1.5),
        f"{found.span} in {pairs} pairs; {us['now']:.0f} us against {us['before']:.0f}",
    )


def _each(server: Served) -> float:
    """Microseconds of the server's processor time a request."""
    body = json.dumps(server.objects(1)[0])
    began = server.processor_seconds()
    answers = server.load("/predict", JSON_BODY, body)["answers"]
    return 1e6 * (server.processor_seconds() - began) / answers
