"""Streams in packages that are installed: river's small sets, and New York's flights.

None of the packages is imported; their files are read.
"""

from __future__ import annotations

import zipfile
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from benchmarks.streams.cell_text import as_text, read_text
from serve.demo.flights import source as flights_file


def river_file(name: str) -> Path:
    """A file of ``river.datasets``.

    Raises:
        FileNotFoundError: river is not installed.
    """
    package = find_spec("river")
    if package is None or not package.submodule_search_locations:
        raise FileNotFoundError("river is not installed. Install it with: make setup")
    return Path(package.submodule_search_locations[0]) / "datasets" / name


def bananas() -> pd.DataFrame:
    """5,300 points in two clusters of a banana's shape."""
    with zipfile.ZipFile(river_file("banana.zip")) as archive:
        lines = archive.read(archive.namelist()[0]).decode().split("\n")
    rows = [line.split() for line in lines if line.strip()]
    cells = [[label, *(each.partition(":")[2] for each in point)] for label, *point in rows]
    return pd.DataFrame(cells, columns=["banana", "x", "y"], dtype=str)


def segments() -> pd.DataFrame:
    """2,310 pieces of outdoor pictures: 18 measures and what each shows, of 7 kinds."""
    return read_text(river_file("segment.csv.zip"))


def shuttle() -> pd.DataFrame:
    """49,097 readings of nine sensors of a space shuttle."""
    return read_text(river_file("shuttle.csv.gz"))


def flights_of(carrier: str) -> pd.DataFrame:
    """An airline's flights of 2013 that arrived, by scheduled departure.

    Only what is known before a flight leaves, ``at`` (scheduled departure, local time), and
    ``late``: 1 where it arrived more than 15 minutes late.
    """
    flights = pd.read_csv(flights_file(), low_memory=False)
    flights = flights[flights.carrier == carrier].dropna(subset=["arr_delay"])
    clock = flights.sched_dep_time
    at = (
        pd.to_datetime(flights[["year", "month", "day"]])
        + pd.to_timedelta(clock // 100, unit="h")
        + pd.to_timedelta(clock % 100, unit="m")
    )
    known = ("sched_dep_time", "sched_arr_time", "flight", "tailnum", "origin", "dest", "distance")
    table = flights[["month", "day", *known]].assign(
        at=at.dt.strftime("%Y-%m-%d %H:%M:%S"), late=(flights.arr_delay > 15).astype(int)
    )
    return as_text(table.sort_values("at", kind="stable"))
