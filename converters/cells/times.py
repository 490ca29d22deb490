"""Cells to moments: of the stream's clock, and for the parts of a time that are learned from.

A time is ISO 8601 (without an offset it is in the
column's zone), seconds since 1970 with 9 to 11 digits, or milliseconds since 1970 with 12 to 14.
A local time that comes twice, when clocks are put back, is read as the first; one that clocks
skip when they are put forward is read as if they had not been (:mod:`.local_clock`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from converters.cells.refusal import RefusedCellError

EPOCH_SECONDS = re.compile(r"[0-9]{9,11}(?:\.[0-9]+)?")
EPOCH_MILLISECONDS = re.compile(r"[0-9]{12,14}")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def check_time(cell: str, zone: str = "UTC") -> None:
    """Refuse a cell that :func:`time_ms` refuses, at a tenth of its cost for most that it takes."""
    try:
        # Whatever the offset, such a time is neither before 1970 nor beyond what can be computed.
        if 1970 < datetime.fromisoformat(cell).year < 9999:
            return
    except ValueError:
        pass
    time_ms(cell, zone)


def time_ms(cell: str, zone: str = "UTC", *, after: bool = False) -> int:
    """A time cell as milliseconds since 1970.

    Args:
        cell: the time.
        zone: where a time without an offset is local.
        after: read a local time that a change of the clocks makes ambiguous by the offset after
            the change (PEP 495's ``fold=1``), not by the one before.

    Raises:
        RefusedCellError: ``bad-time``, also for times before 1970, which no log can stamp.
    """
    plain = cell.strip(" ")
    if EPOCH_SECONDS.fullmatch(plain):
        return round(float(plain) * 1000)
    if EPOCH_MILLISECONDS.fullmatch(plain):
        return int(plain)
    try:
        moment = _iso(plain, ZoneInfo(zone))
        if after:
            moment = moment.replace(fold=1)
        milliseconds = round(moment.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise RefusedCellError("bad-time", cell) from None
    if milliseconds < 0:
        raise RefusedCellError("bad-time", cell)
    return milliseconds


def local_time(cell: str, zone: ZoneInfo) -> datetime:
    """A time cell as the clock and calendar of a zone showed it; before 1970 too.

    Raises:
        RefusedCellError: ``bad-time``.
    """
    plain = cell.strip(" ")
    try:
        if EPOCH_SECONDS.fullmatch(plain):
            moment = _EPOCH + timedelta(seconds=float(plain))
        elif EPOCH_MILLISECONDS.fullmatch(plain):
            moment = _EPOCH + timedelta(milliseconds=int(plain))
        else:
            moment = _iso(plain, zone)
        return moment.astimezone(zone)
    except (ValueError, OverflowError):
        raise RefusedCellError("bad-time", cell) from None


def _iso(plain: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(plain)
    return moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
