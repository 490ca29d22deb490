"""The README's table: learning on the go against models that stand still, and honest labels.

All series are scores of the same flights, April to December, from the same columns, before
departure. Freshet's own come from ``freshet backfill``; the frozen copy's from ``freshet score``
with a version that has learned what was known when April began. Intervals are 95 %, by a bootstrap
of whole days (:mod:`benchmarks.resampling`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.boosting import FIRST_MONTH, ZONE, Boosting, month_begins
from benchmarks.resampling import Quality, qualities
from benchmarks.table import Measured
from benchmarks.year import LATE, FloatArray, Year

FREEZE = month_begins(FIRST_MONTH)
ONLINE = "online, each label learned when it comes"
NIGHTLY = "the same learner, taught the day's labels each midnight"
STATIC = "the same learner, frozen when April begins"
ONCE = "LightGBM, trained once, when April begins"
MONTHLY = "LightGBM, retrained each month"
IMMEDIATE = "online, as if labels came immediately (not possible in practice)"
# Vowpal Wabbit opened only for scoring may differ from the learner by so much.
ROUNDING = 1e-6


def run() -> list[Measured]:
    """The table's lines about online learning and about labels."""
    with tempfile.TemporaryDirectory() as folder:
        year = Year(Path(folder))
        scores = _all_scores(year)
    days = pd.factorize(year.flights["date"][year.measured], sort=True)[0].astype(np.int64)
    measured = {name: series[year.measured] for name, series in scores.items()}
    found = qualities(year.late[year.measured], days, measured, ONLINE)
    return [_line(name, quality) for name, quality in found.items()]


def _all_scores(year: Year) -> dict[str, FloatArray]:
    settings = {"FRESHET_EVALUATION__STATIC_AFTER": FREEZE.isoformat()}
    report, online = year.backfill("online", *LATE, settings=settings)
    static = _frozen(year)
    _, nightly = year.backfill("nightly", *LATE, file=_known_at_midnight(year))
    _compare(year, report, online, static)
    _, immediate = year.backfill("immediate")
    boosting = Boosting(year.flights)
    return {
        ONLINE: online,
        NIGHTLY: nightly,
        STATIC: static,
        ONCE: boosting.once(),
        MONTHLY: boosting.monthly(),
        IMMEDIATE: immediate,
    }


def _frozen(year: Year) -> FloatArray:
    """Scores of all flights by a version that knows the labels from before the freeze."""
    flights = year.flights
    unknown = pd.to_datetime(flights["landed"]) >= FREEZE
    past = flights.assign(late=flights["late"].astype("Int64").mask(unknown))
    before = year.folder / "before.csv"
    past[pd.to_datetime(flights["scheduled"]) < FREEZE].to_csv(before, index=False)
    report, _ = year.backfill("static", *LATE, file=before)
    scores = year.folder / "static.csv"
    version = str(report["version"])
    year.freshet("static", "score", str(year.file), "--version", version, "-o", str(scores))
    return year.scores(scores)


def _known_at_midnight(year: Year) -> Path:
    """The flights as a file in which each lands at the midnight, in New York, after it landed."""
    landed = pd.to_datetime(year.flights["landed"]).dt.tz_convert(ZONE)
    midnight = landed.dt.normalize() + pd.DateOffset(days=1)
    nights = year.folder / "nights.csv"
    year.flights.assign(landed=midnight.map(pd.Timestamp.isoformat)).to_csv(nights, index=False)
    return nights


def _compare(year: Year, report: dict[str, Any], online: FloatArray, static: FloatArray) -> None:
    """See to it that the frozen copy is the one that Freshet itself measures beside the learner."""
    arrived = (pd.to_datetime(year.flights["scheduled"]) >= FREEZE).to_numpy()
    both = np.where(arrived, static, online)
    clipped = np.clip(np.where(year.late, both, 1 - both), 1e-7, None)
    ours, reported = float(-np.log(clipped).mean()), report["static"]["log_loss"]
    if abs(ours - reported) > ROUNDING:
        raise SystemExit(
            f"The frozen copy's log loss is {reported} by the report and {ours} by its scores."
        )


def _line(name: str, quality: Quality) -> Measured:
    """One series; the learner that only honest labels teach has to beat what stands still."""
    differences = (
        f"AUC {quality.auc_difference} and log loss {quality.log_loss_difference} to the first"
    )
    beaten = quality.auc_difference.high < 0 < quality.log_loss_difference.low
    expected = name in {NIGHTLY, STATIC, ONCE, MONTHLY}
    return Measured(
        f"AUC April to December: {name}",
        *(quality.auc, "", "less than online" if expected else "", beaten or not expected),
        f"log loss {quality.log_loss:.4f}" + ("" if name == ONLINE else f"; {differences}"),
        digits=4,
    )
