"""Times of the stream as a person reads them."""

from __future__ import annotations

from datetime import UTC, datetime

DAY_MS = 86_400_000
# How far ahead of the clock a time of the stream may be: further, no log takes it.
AHEAD_MS = 3_600_000
# Below two days hours say more, below two hours minutes.
UNITS = ((DAY_MS, "days"), (3_600_000, "hours"), (60_000, "minutes"))


def iso_ms(time: int) -> str:
    """A time in milliseconds since 1970, in UTC to the second.

    >>> iso_ms(1_388_534_399_999)
    '2013-12-31T23:59:59Z'
    """
    return datetime.fromtimestamp(time // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def days(span: int) -> str:
    """A span in milliseconds, in days.

    >>> days(86_400_000), days(500 * 86_400_000 + 43_200_000)
    ('1', '500.5')
    """
    return f"{span / DAY_MS:,.1f}".removesuffix(".0")


def against_clock(time: int, now: int) -> str:
    """Stream time, and how far it is behind the clock; both in milliseconds since 1970.

    >>> against_clock(1_388_534_399_999, 1_388_534_399_999 + 3 * 86_400_000)
    '2013-12-31T23:59:59Z, 3 days behind the clock'
    >>> against_clock(1_388_534_399_999, 1_388_534_419_999)
    '2013-12-31T23:59:59Z'
    """
    for unit, name in UNITS:
        if now - time >= 2 * unit:
            return f"{iso_ms(time)}, {(now - time) // unit:,} {name} behind the clock"
    return iso_ms(time)
