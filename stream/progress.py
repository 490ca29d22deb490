"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from converters.command_line import say
from converters.settings import Settings
from stream.history import History

PLAIN_LINE_SECONDS = 10.0


@contextmanager
def progress(
    what: str, total: int | None = None, place: Callable[[], int] | None = None
) -> Iterator[Callable[[int], None]]:
    """Gives a function to call with the count so far.

    Args:
        what: what is counted.
        total: the whole work, in the unit of ``place``; None when its end is not known.
        place: how far the work has come; None when that is not known.
    """
    if sys.stderr.isatty():
        with _bar(what, total, place) as update:
            yield update
    else:
        yield _lines(what, total, place)


@contextmanager
def _bar(
    what: str, total: int | None, place: Callable[[], int] | None
) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        BarColumn(),
        TextColumn("{task.fields[count]:,} {task.description}"),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
    )
    began = monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, count=0, rate=0.0)
        first: list[int] = []

        def update(count: int) -> None:
            first[:] = first or [count]
            rate = (count - first[0]) / max(monotonic() - began, 1e-9)
            done = place() if place and total else None
            bar.update(task, completed=done, count=count, rate=rate)

        yield update


def _lines(what: str, total: int | None, place: Callable[[], int] | None) -> Callable[[int], None]:
    shown = monotonic()

    def update(count: int) -> None:
        nonlocal shown
        if monotonic() - shown >= PLAIN_LINE_SECONDS:
            shown = monotonic()
            share = f" ({place() / total:.0%})" if place and total else ""
            say(f"{count:,} {what}{share}")

    return update


def warn_of_waits(history: History, settings: Settings) -> None:
    """Say so when labels come later than events wait for them."""
    waited, allowed = history.longest_wait / 86_400, settings.late_labels.wait / 86_400
    if waited > allowed:
        say(
            f"Warning: labels come up to {waited:,.1f} days after their events, and events wait "
            f"{allowed:,.1f} days (late_labels.wait); those later than that are not learned."
        )
