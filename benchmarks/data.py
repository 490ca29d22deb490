"""What the benchmarks run on: real flights, with the columns that a script would take."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from converters.config import load as settings_file
from stream.log.contract import Outgoing
from stream.log.topics import create_topics
from stream.open_log import opened

ROWS = 200_000
COLUMNS = (
    *("id", "late", "month", "day", "sched_dep_time", "sched_arr_time", "carrier", "flight"),
    *("tailnum", "origin", "dest", "distance", "hour"),
)
NUMERIC = ("sched_dep_time", "sched_arr_time", "distance")


def write_flights(path: Path, rows: int = ROWS, tick: str = "min") -> None:
    """The first flights of the year that arrived, in order of departure, labels beside them.

    The columns ``at`` and ``landed`` say when a flight was due to leave and when it landed, to
    the ``tick``: by the minute some three flights share a time, by ``2h`` some seventy do, as on
    a busier stream.
    """
    import pandas as pd

    from serve.demo.flights import source

    flights = pd.read_csv(source()).dropna(subset=["arr_delay"])
    clock = flights.sched_dep_time
    day = flights[["year", "month", "day"]]
    flights = flights.assign(
        at=pd.to_datetime(day)
        + pd.to_timedelta(clock // 100, unit="h")
        + pd.to_timedelta(clock % 100, unit="m"),
        late=(flights.arr_delay > 15).astype(int),
    )
    flights = flights.sort_values("at", kind="stable").head(rows).reset_index(drop=True)
    landed = flights["at"] + pd.to_timedelta(flights.dep_delay + flights.air_time + 25, unit="m")
    flights["at"] = flights["at"].dt.floor(tick)
    table = flights.assign(id=flights.index, landed=landed.dt.floor(tick))
    table[[*COLUMNS, "at", "landed"]].to_csv(path, index=False)


def config(
    model: str,
    log: str,
    events: str,
    labels: str,
    args: str = "-b 18",
    *,
    processes: int = 1,
    at: str = 'role = "time"',
) -> str:
    """A config for these flights that reads the named topics and writes ones of its own.

    ``at`` says what becomes of the column of that name.
    """
    kinds = {
        name: 'kind = "numeric", min = 0, max = 6000' if name in NUMERIC else 'kind = "categorical"'
        for name in COLUMNS[2:]
    }
    columns = {"id": 'role = "id"', "late": 'role = "label"'} | kinds
    columns |= {"at": at, "landed": 'role = "drop"'}
    lines = [f"{name} = {{ {how} }}" for name, how in columns.items()]
    return "\n".join(
        [
            f"model = {json.dumps(model)}",
            f"log = {json.dumps(log)}",
            f"[topics]\nevents = {json.dumps(events)}\nlabels = {json.dumps(labels)}",
            '[label]\npositive = ["1"]\nnegative = ["0"]',
            f'[learner]\nkind = "vw"\nargs = {json.dumps(args)}',
            f"[learn]\nprocesses = {processes}",
            "[columns]",
            *lines,
        ]
    )


def fill_log(toml: Path, times: int) -> None:
    """Put the flights on a config's embedded log again and again, each time under other ids."""
    settings = settings_file.load(toml)
    settings.home.mkdir()
    flights = toml.parent / "flights.csv"
    write_flights(flights)
    rows = flights.read_bytes().splitlines()[1:]
    with closing(opened(settings)) as log:
        topics = create_topics(log, settings)
        for time in range(times):
            lines = [b"%d-%b" % (time, row) for row in rows]
            values = (b"\n".join(lines[first : first + 50]) for first in range(0, len(lines), 50))
            log.append(topics.events, [Outgoing(value) for value in values])
