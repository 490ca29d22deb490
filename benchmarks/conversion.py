"""One row converted, against one prediction of Vowpal Wabbit on the row's text."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from time import perf_counter

import vowpalwabbit

from benchmarks.data import config, write_flights
from benchmarks.table import Measured, paired
from converters import config as settings_file
from converters.schema import from_settings
from converters.vw_text import compile_schema

ROWS = 50_000


def run() -> list[Measured]:
    """The table's line about conversion."""
    with tempfile.TemporaryDirectory() as folder:
        flights, toml = Path(folder) / "flights.csv", Path(folder) / "freshet.toml"
        write_flights(flights, ROWS)
        toml.write_text(config("bench", "", "events", "labels"))
        convert = compile_schema(from_settings(settings_file.load(toml)))
        with flights.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
    texts = [str(convert(row)[2]) for row in rows]
    workspace = vowpalwabbit.Workspace("--loss_function logistic --link logistic --quiet -b 18")

    def converted() -> float:
        began = perf_counter()
        for row in rows:
            convert(row)
        return len(rows) / (perf_counter() - began)

    def predicted() -> float:
        began = perf_counter()
        for text in texts:
            workspace.predict(text)
        return len(texts) / (perf_counter() - began)

    ratio, ours, theirs = paired(converted, predicted)
    return [
        Measured(
            "one row converted, one at a time",
            *(ratio, "x the rate of one ws.predict", "1", ratio >= 1),
            f"{1e6 / ours:.1f} us against {1e6 / theirs:.1f} us",
        )
    ]
