"""A report as one JSON document; its keys are documented in ``docs/converter.md``, and stay.

Every number in it is finite. A count that is estimated has ``exact`` false and a ``margin``: in 95
of 100 files the truth is at most so far away.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from converters.check.contents import Report
from converters.check.times import Times
from converters.report.column_contents import ColumnReport
from converters.report.wording import moment
from converters.sampling.sketches import Estimate


def document(report: Report) -> dict[str, Any]:
    """The report as plain dictionaries and lists."""
    return {
        "source": report.source,
        "rows": report.rows,
        "rejected": report.rejected,
        "problems": report.problems,
        "findings": [asdict(finding) for finding in report.findings],
        "rejects": [asdict(group) for group in report.rejects],
        "labels": _labels(report),
        "weights": None if report.weights is None else asdict(report.weights),
        "times": None if report.times is None else _times(report.times),
        "repeated_rows": _estimate(report.repeated_rows),
        "repeated_ids": None if report.repeated_ids is None else _estimate(report.repeated_ids),
        "sample": asdict(report.sample),
        "columns": [_column(column) for column in report.columns],
    }


def _labels(report: Report) -> dict[str, Any] | None:
    if report.balance is None:
        return None
    rates = report.half_rates
    return {
        **asdict(report.balance),
        "positive_rate": report.balance.rate,
        "halves": None if rates is None else list(rates),
    }


def _times(times: Times) -> dict[str, Any]:
    gap = times.gap
    return {
        "column": times.column,
        "rows": times.rows,
        "first": moment(times.first),
        "last": moment(times.last),
        "sorted": not times.unsorted,
        "unsorted": times.unsorted,
        "unsorted_line": times.unsorted_line,
        "longest_gap": None if gap is None else gap.milliseconds / 1000,
        "longest_gap_line": None if gap is None else gap.line,
    }


def _column(column: ColumnReport) -> dict[str, Any]:
    content = asdict(column)
    content["distinct"] = _estimate(column.distinct)
    content["rare"]["values"] = _estimate(column.rare.values)
    if column.numbers is not None:
        quantiles = {f"{share:g}": value for share, value in column.numbers.quantiles}
        content["numbers"] = {
            "min": column.numbers.low,
            "max": column.numbers.high,
            "mean": column.numbers.mean,
            "quantiles": quantiles,
            "out_of_range": column.numbers.outside,
        }
    return content


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {"count": estimate.count, "exact": estimate.exact, "margin": estimate.margin}
