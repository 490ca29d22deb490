"""The times that a person asks for: in options of commands, and in queries over HTTP.

ISO 8601, digits that form a calendar time, seconds or milliseconds since 1970, or how long ago
(``10 minutes ago``, ``2h ago``, ``yesterday``, ``now``); without an offset in UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from converters.cells.refusal import RefusedCellError
from converters.cells.times import time_ms

# By the first letter of their names.
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(
    r"([0-9]{1,9}|an?) ?(s|secs?|seconds?|min|mins|minutes?|h|hours?|d|days?|w|weeks?) ago"
)
_DAYS = {"now": 0, "yesterday": 1}
EXAMPLES = "2026-01-31T08:15:00Z, or 10 minutes ago"


class NotATimeError(ValueError):
    """A text that is no time, or two; its message says so, and what to write."""


def asked_moment(text: str, now: datetime) -> datetime:
    """What a text means, in UTC.

    Args:
        text: what was asked for.
        now: the clock's time.

    Raises:
        NotATimeError: it is no time, or can be read as two.
    """
    plain = text.strip().lower()
    found = _AGO.fullmatch(plain)
    try:
        if plain in _DAYS:
            return now - timedelta(days=_DAYS[plain])
        if found is not None:
            count = 1 if found[1].startswith("a") else int(found[1])
            return now - timedelta(**{_UNITS[found[2][0]]: count})
        return datetime.fromtimestamp(time_ms(text) / 1000, UTC)
    except RefusedCellError as refused:
        if refused.reason == "ambiguous-time":
            raise NotATimeError(
                f"{text[:40]!r} could be another time ({refused.cell}): write it as ISO 8601, for "
                "example 2026-01-31T08:15:00Z."
            ) from None
    except (ValueError, OverflowError, OSError):
        pass
    raise NotATimeError(
        f"{text[:40]!r} is not a time: write it as ISO 8601, or how long ago, for example "
        f"{EXAMPLES}."
    )
