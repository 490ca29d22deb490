"""What a person is told about refused rows: in one line, or with a warning if there are many."""

from __future__ import annotations

from collections.abc import Mapping

from converters.cells.remedies import EXPLAINED, MOST_REJECTED, commonest, explained, listed
from converters.errors import UsageError
from converters.show.command_line import say


def say_refused(
    what: str,
    rows: int,
    reasons: Mapping[str, int],
    examples: Mapping[str, str],
    *,
    where: str = "",
    allowed: float = MOST_REJECTED,
) -> bool:
    """Say how many rows were refused and why, with what helps if they are many.

    Args:
        what: the rows, in the plural.
        rows: how many there were, the refused included.
        reasons: how many were refused, by reason.
        examples: of a reason, where it occurred.
        where: a sentence on where they are listed.
        allowed: the share that may be refused without a warning.

    Returns:
        Whether a larger share was refused.
    """
    refused = sum(reasons.values())
    if not refused:
        return False
    if not exceeds(refused, rows, min(allowed, MOST_REJECTED)):
        say(f"Refused {refused:,} of {rows:,} {what}: {listed(reasons)}. {where}".rstrip())
        return False
    say(
        f"WARNING: {refused:,} of {rows:,} {what} ({refused / rows:.1%}) were refused. The "
        "commonest reasons, and what helps:"
    )
    for line in explained(reasons, examples):
        say(f"  {line}")
    if rest := commonest(reasons)[EXPLAINED:]:
        say(f"  Other reasons: {listed(dict(rest))}.")
    if where:
        say(where)
    return exceeds(refused, rows, allowed)


def exceeds(refused: int, rows: int, allowed: float) -> bool:
    """Whether more than this share of the rows was refused."""
    return refused > allowed * rows


def to_share(text: str) -> float:
    """A share as an option takes it: from 0 to 1, or in percent with the sign.

    >>> to_share("0.05"), to_share("5%")
    (0.05, 0.05)
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"{text!r} is not a share: write 0.1 or 10%, from 0 to 1 (100%).")
    return share
