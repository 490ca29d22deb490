"""Times of the stream as a person reads them."""

from __future__ import annotations

from converters.show.tables import counted, moment

DAY_MS = 86_400_000
# How far ahead of the clock a time of the stream may be: further, no log takes it.
AHEAD_MS = 3_600_000
# Below two days hours say more, below two hours minutes.
UNITS = ((DAY_MS, "days"), (3_600_000, "hours"), (60_000, "minutes"))
SECOND_MS = 1000


def days(span: int) -> str:
    """A span in milliseconds, in days.

    >>> days(86_400_000), days(500 * 86_400_000 + 43_200_000)
    ('1 day', '500.5 days')
    """
    number = f"{span / DAY_MS:,.1f}".removesuffix(".0")
    return f"{number} {'day' if number == '1' else 'days'}"


def against_clock(time: int, now: int) -> str:
    """Stream time, and how far it is behind the clock; both in milliseconds since 1970.

    >>> against_clock(1_388_534_399_999, 1_388_534_399_999 + 3 * 86_400_000)
    '2013-12-31T23:59:59Z, 3 days behind the clock'
    >>> against_clock(1_388_534_399_999, 1_388_534_419_999)
    '2013-12-31T23:59:59Z'
    """
    behind = now - time
    if behind < 2 * UNITS[-1][0]:
        return moment(time)
    return f"{moment(time)}, {lasting(behind)} behind the clock"


def lasting(span: float) -> str:
    """How long a span in milliseconds lasts, in whole units: the same wherever it is told.

    >>> lasting(7 * 86_400_000), lasting(86_400_000), lasting(5_400_000), lasting(1999), lasting(9)
    ('7 days', '24 hours', '90 minutes', '1 second', '0 seconds')
    """
    for unit, name in UNITS:
        if span >= 2 * unit:
            return f"{span // unit:,.0f} {name}"
    return counted(int(span // SECOND_MS), "second", "seconds")
