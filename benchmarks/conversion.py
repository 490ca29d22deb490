"""Conversion: one row against one prediction of Vowpal Wabbit, and files against csv2vw.

csv2vw itself cannot be had as a package. ``tests/csv2vw_plain.py`` stands in for it: as slow, and
held to recorded runs of it.
"""

from __future__ import annotations

import csv
import io
import random
import tempfile
from pathlib import Path
from time import perf_counter

import vowpalwabbit

from benchmarks.data import config, write_flights
from benchmarks.table import Measured, paired
from converters import config as settings_file
from converters.schema import from_settings
from converters.vw_text import compile_schema
from tests.csv2vw_files import FLAGS, fast, flights
from tests.csv2vw_plain import Plain

ROWS = 50_000


def run() -> list[Measured]:
    """The table's lines about conversion."""
    return [
        *_one_row(),
        _as_csv2vw("the year of flights", flights(), "3"),
        _as_csv2vw("every value unique", _unique(), "1.5"),
    ]


def _as_csv2vw(what: str, content: bytes, wanted: str) -> Measured:
    rows = content.count(b"\n") - 1

    def ours() -> float:
        began = perf_counter()
        fast(content, FLAGS, most=2**16)
        return rows / (perf_counter() - began)

    def theirs() -> float:
        began = perf_counter()
        out = io.StringIO()
        out.writelines(Plain(FLAGS).lines(io.StringIO(content.decode())))
        return rows / (perf_counter() - began)

    ratio, ours_rate, theirs_rate = paired(ours, theirs)
    return Measured(
        f"`convert --csv2vw`, {what}",
        *(ratio, "x a stand-in for csv2vw", wanted, ratio >= float(wanted)),
        f"{ours_rate:,.0f} against {theirs_rate:,.0f} rows/s",
    )


def _unique() -> bytes:
    """A table of four columns each of floats, whole numbers and words that never repeat."""
    dice = random.Random(1)
    kinds = (
        lambda: repr(dice.gauss(0, 1)),
        lambda: str(dice.getrandbits(40)),
        lambda: f"k{dice.getrandbits(64):x}",
    )
    names = ",".join(f"c{i}" for i in range(12))
    rows = (f"{i},{i % 2},{','.join(kinds[j % 3]() for j in range(12))}\n" for i in range(ROWS))
    return f"id,late,{names}\n{''.join(rows)}".encode()


def _one_row() -> list[Measured]:
    with tempfile.TemporaryDirectory() as folder:
        flights, toml = Path(folder) / "flights.csv", Path(folder) / "freshet.toml"
        write_flights(flights, ROWS)
        toml.write_text(config("bench", "", "events", "labels"))
        convert = compile_schema(from_settings(settings_file.load(toml))).row
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
