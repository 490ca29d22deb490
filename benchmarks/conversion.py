"""Conversion: one row against one prediction of Vowpal Wabbit, and files against csv2vw.

csv2vw itself cannot be had as a package. ``tests/support/rows/csv2vw_plain.py`` stands in for it:
as slow, and held to recorded runs of it.
"""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from pathlib import Path
from time import perf_counter, process_time

import vowpalwabbit

from benchmarks.data import config, write_flights
from benchmarks.table import Measured, paired
from converters.config import load as settings_file
from converters.convert.to_vw_text import compile_schema
from converters.convert.whole_file import convert
from converters.files.csv_file import open_csv
from converters.schema.schema import from_settings
from tests.support.rows.csv2vw_files import FLAGS, fast, flights
from tests.support.rows.csv2vw_plain import Plain

ROWS = 50_000
# So many times the flights of a year are more than five million rows.
YEARS = 16
MOST_MEMORY = 100
# Freshet, and in the end its peak memory in kB; what the system tells of an ended child would be
# that of its parent, if this had more.
FRESHET = """
import atexit, re
from pathlib import Path
from serve.cli import main
atexit.register(
    lambda: print(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
)
main()
"""
# The file that csv2vw is compared on has a column more than the benchmarks' config.
WITH_MINUTE = (
    "\n[columns]\n",
    '\n[columns]\nminute = { kind = "numeric", min = 0, max = 59 }\n',
)

# Of the table whose values never repeat: floats, whole numbers and words, four columns of each.
UNIQUE_CONFIG = "\n".join(
    [
        'model = "bench"',
        '[label]\npositive = ["1"]\nnegative = ["0"]',
        '[columns]\nid = { role = "id" }\nlate = { role = "label" }',
        *(
            f'c{number} = {{ kind = "{("numeric", "numeric", "categorical")[number % 3]}" }}'
            for number in range(12)
        ),
    ]
)


def run() -> list[Measured]:
    """The table's lines about conversion."""
    year, unique = flights(), _unique()
    flights_config = config("bench", "", "events", "labels").replace(*WITH_MINUTE)
    checked, checked_unique = partial(_checked, flights_config), partial(_checked, UNIQUE_CONFIG)
    return [
        *_one_row(),
        _against_csv2vw("`convert --csv2vw`, the year of flights", year, _as_csv2vw, "3"),
        _against_csv2vw("`convert --csv2vw`, every value unique", unique, _as_csv2vw, "1.5"),
        _against_csv2vw("`convert` with all its checks, the year of flights", year, checked, "5"),
        _against_csv2vw("the same, every value unique", unique, checked_unique, "3"),
        *_memory(),
    ]


def _against_csv2vw(
    what: str, content: bytes, convert: Callable[[bytes], None], wanted: str
) -> Measured:
    """Processor time of a conversion and of the stand-in for csv2vw, in turn."""
    rows = content.count(b"\n") - 1

    def ours() -> float:
        began = process_time()
        convert(content)
        return rows / (process_time() - began)

    def theirs() -> float:
        began = process_time()
        out = io.StringIO()
        out.writelines(Plain(FLAGS).lines(io.StringIO(content.decode())))
        return rows / (process_time() - began)

    ratio, ours_rate, theirs_rate = paired(ours, theirs, 7)
    return Measured(
        what,
        *(ratio, "x a stand-in for csv2vw", wanted, ratio >= float(wanted)),
        f"{ours_rate:,.0f} against {theirs_rate:,.0f} rows/s",
    )


def _as_csv2vw(content: bytes) -> None:
    fast(content, FLAGS, most=2**16)


def _checked(config_text: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        csv_file, toml = Path(name) / "rows.csv", Path(name) / "freshet.toml"
        csv_file.write_bytes(content)
        toml.write_text(config_text)
        schema = from_settings(settings_file.load(toml))
        with open_csv(str(csv_file)) as file:
            tally = convert(file, schema, io.BytesIO(), lambda _rejects: None, lambda _rows: None)
    if tally.refused.reasons:
        raise RuntimeError(f"rows were refused: {tally.refused.reasons}")


def _memory() -> list[Measured]:
    """Peak memory of a process that converts many rows, as csv2vw does and as Freshet does."""
    with tempfile.TemporaryDirectory() as name:
        csv_file, toml = Path(name) / "flights.csv", Path(name) / "freshet.toml"
        header, _, rows = flights().partition(b"\n")
        with csv_file.open("wb") as file:
            file.write(header + b"\n")
            file.writelines(repeat(rows, YEARS))
        toml.write_text(config("bench", "", "events", "labels").replace(*WITH_MINUTE))
        command = [sys.executable, "-c", FRESHET, "convert", str(csv_file), "-o", "/dev/null"]
        ways = {
            "`convert --csv2vw`": [*command, "--csv2vw", FLAGS],
            "`convert`": [*command, "--config", str(toml)],
        }
        count = YEARS * rows.count(b"\n")
        return [_peak(f"{what}, peak memory", count, way) for what, way in ways.items()]


def _peak(what: str, rows: int, command: Sequence[str]) -> Measured:
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    megabytes = int(said.stdout) / 2**10
    return Measured(
        what,
        *(megabytes, "MB, at most", str(MOST_MEMORY), megabytes <= MOST_MEMORY),
        f"of a file of {rows:,} rows",
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
        to_text = compile_schema(from_settings(settings_file.load(toml))).row
        with flights.open(newline="") as file:
            rows = list(csv.reader(file))[1:]
    texts = [str(to_text(row)[2]) for row in rows]
    workspace = vowpalwabbit.Workspace("--loss_function logistic --link logistic --quiet -b 18")

    def converted() -> float:
        began = perf_counter()
        for row in rows:
            to_text(row)
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
