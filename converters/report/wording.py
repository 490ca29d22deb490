"""Names, counts, shares and moments as the report words them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from converters.cells.refusal import quoted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def listed(names: Sequence[str], most: int = 10) -> str:
    """Names as a message lists them."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(f"'{quoted(name)}'" for name in names[:most]) + more


def counted(number: int, one: str, more: str) -> str:
    """A number and the words that go with one, or with more."""
    return f"{number:,} {one if number == 1 else more}"


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds / 1000:.0f} s since 1970"
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def percent(share: float) -> str:
    """A share in words; only none at all is 0 %."""
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.1f} %"
