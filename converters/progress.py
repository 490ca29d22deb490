"""Progress of long work: a bar on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from converters.show.command_line import say

PLAIN_LINE_SECONDS = 10.0
# Less than this is done in a moment: a bar would only flash.
SMALL_BYTES = 4 * 2**20

Update = Callable[[int], None]


@contextmanager
def progress(
    what: str, total: int | None = None, place: Callable[[], int] | None = None
) -> Iterator[Update]:
    """Gives a function to call with the count so far.

    Args:
        what: what is counted.
        total: the whole work in bytes; None when its end is not known.
        place: how many bytes are done; None when that is not known.
    """
    if sys.stderr.isatty() and (total is None or total > SMALL_BYTES):
        with _bar(what, total, place) as update:
            yield update
    else:
        yield _lines(what, total, place)


@contextmanager
def _bar(what: str, total: int | None, place: Callable[[], int] | None) -> Iterator[Update]:
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


def _lines(what: str, total: int | None, place: Callable[[], int] | None) -> Update:
    shown = monotonic()

    def update(count: int) -> None:
        nonlocal shown
        if monotonic() - shown >= PLAIN_LINE_SECONDS:
            shown = monotonic()
            share = f" ({place() / total:.0%})" if place and total else ""
            say(f"{count:,} {what}{share}")

    return update
