"""A warning for ``produce`` and ``backfill``: labels that come later than events wait for them."""

from __future__ import annotations

from converters.config.settings import Settings
from converters.show.command_line import say
from stream.produce.file_records import History


def warn_of_waits(history: History, settings: Settings) -> None:
    """Say so when labels come later than events wait for them."""
    waited, allowed = history.longest_wait / 86_400, settings.late_labels.wait / 86_400
    if waited > allowed:
        say(
            f"Warning: labels come up to {waited:,.1f} days after their events, and events wait "
            f"{allowed:,.1f} days (late_labels.wait); those later than that are not learned."
        )
