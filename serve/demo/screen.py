"""What the demo shows: a full screen on a terminal, lines elsewhere.

A :class:`Scene` is the demo's state at one moment as plain data; :func:`display` chooses where
scenes are shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Protocol

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from converters.show.command_line import say

BARS = "▁▂▃▄▅▆▇█"
# The AUC of a constant score.
CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class Scene:
    """The demo at one moment.

    Attributes:
        address: of the server.
        doing: the current step, in a few words.
        flights: how many will be played.
        sent: how many have been sent.
        time: stream time in milliseconds; 0 before the first flight.
        status: the learner's last heartbeat.
        served: the version that is served.
        latest: the newest version.
        path: windowed AUC of the learner and of the frozen copy over time.
    """

    address: str
    doing: str
    flights: int
    sent: int = 0
    time: int = 0
    status: dict[str, Any] = field(default_factory=dict)
    served: int | None = None
    latest: int | None = None
    path: tuple[tuple[float, float | None], ...] = ()

    def remembered(self) -> Scene:
        """The same with its windowed AUC added to the path."""
        ours, theirs = (m.get("window", {}).get("auc") for m in (self.metrics, self.frozen))
        return self if ours is None else replace(self, path=(*self.path, (ours, theirs)))

    @property
    def date(self) -> str:
        """The date of the stream."""
        if not self.time:
            return "-"
        return datetime.fromtimestamp(self.time / 1000, UTC).strftime("%d %B %Y").lstrip("0")

    @property
    def lag(self) -> int:
        """Records sent that the learner has not read."""
        return sum(self.status.get("lag", {}).values())

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of progressive validation."""
        found: dict[str, Any] = self.status.get("metrics", {})
        return found

    @property
    def frozen(self) -> dict[str, Any]:
        """The same for the frozen copy; empty before it exists."""
        found: dict[str, Any] = self.metrics.get("static", {})
        return found


def line(scene: Scene) -> str:
    """The moment as one line."""
    recent, frozen = scene.metrics.get("window", {}), scene.frozen.get("window", {})
    against = f", frozen {number(frozen.get('log_loss'))}" if frozen else ""
    frozen_auc = f" (frozen {number(frozen.get('auc'))})" if frozen else ""
    return (
        f"{scene.date}: {scene.sent:,} of {scene.flights:,} flights sent, "
        f"{scene.status.get('learned', 0):,} learned, "
        f"{scene.status.get('events_per_second', 0):,.0f} events/s, lag {scene.lag:,}, "
        f"version {scene.served or '-'}, log loss {number(recent.get('log_loss'))} "
        f"(base rate {number(recent.get('base_rate_log_loss'))}{against}), "
        f"AUC {number(recent.get('auc'))}{frozen_auc}"
    )


def screen(scene: Scene) -> RenderableType:
    """The moment as one screen."""
    parts: list[RenderableType] = [_head(scene), Text(), _facts(scene), Text(), _metrics(scene)]
    if len(scene.path) > 1:
        parts += [Text(), _path(scene)]
    title = Text.assemble((" Freshet ", "bold"), ("will this flight be late? ", "dim"))
    return Panel(
        Group(*parts),
        title=title,
        title_align="left",
        subtitle=Text(f" {scene.doing} ", style="dim"),
        subtitle_align="left",
        border_style="cyan",
        padding=(1, 2),
    )


def _head(scene: Scene) -> RenderableType:
    """The address, and the progress through the year."""
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    grid.add_column(width=17, no_wrap=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(
        Text(scene.date, style="bold"),
        ProgressBar(scene.flights, scene.sent, complete_style="cyan", finished_style="green"),
        Text(f"{scene.sent:,} of {scene.flights:,} flights"),
    )
    where = Text.assemble(("page and predictions  ", "dim"), (scene.address, "underline cyan"))
    return Group(where, Text(), grid)


def _facts(scene: Scene) -> RenderableType:
    """Rates, counts and versions."""
    status = scene.status
    facts = {
        "events/s": f"{status.get('events_per_second', 0):,.0f}",
        "lag": f"{scene.lag:,} records",
        "learned": f"{status.get('learned', 0):,}",
        "in the air": f"{status.get('waiting', 0):,}",
        "served version": f"{scene.served or '-'} (newest {scene.latest or '-'})",
    }
    grid = Table.grid(expand=True, padding=(0, 2, 0, 0))
    for name in facts:
        grid.add_column(ratio=2 if name == "served version" else 1, no_wrap=True)
    grid.add_row(*(Text(name, style="dim") for name in facts))
    grid.add_row(*(Text(value, style="bold") for value in facts.values()))
    return grid


def _metrics(scene: Scene) -> RenderableType:
    """Metrics of the learner, the frozen copy and the base rate; scores given before landing."""
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False, show_edge=False)
    table.add_column("scored at departure", style="dim", header_style="dim", no_wrap=True)
    for name in ("learner", "frozen 1 February", "base rate"):
        table.add_column(name, justify="right", header_style="dim", no_wrap=True)
    recent, frozen = scene.metrics.get("window", {}), scene.frozen.get("window", {})
    last = f"last {recent.get('count') or 0:,}"
    rows = (
        (f"log loss, {last}", "log_loss", recent, frozen),
        ("log loss, all", "log_loss", scene.metrics, scene.frozen),
        (f"AUC, {last}", "auc", recent, frozen),
        ("AUC, all", "auc", scene.metrics, scene.frozen),
    )
    for title, key, ours, theirs in rows:
        plain = ours.get("base_rate_log_loss") if key == "log_loss" else CHANCE
        values = (number(theirs.get(key)), number(plain if ours else None))
        table.add_row(title, Text(number(ours.get(key)), style="bold green"), *values)
    return table


def _path(scene: Scene) -> RenderableType:
    """The windowed AUC of both, from the beginning until now."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    ours = [auc for auc, _ in scene.path]
    theirs = [auc for _, auc in scene.path]
    every = [auc for auc in (*ours, *theirs) if auc is not None]
    low, high = min(every), max(every)
    scale = f"of the last {scene.metrics['window']['count']:,}, from {low:.2f} to {high:.2f}"
    grid.add_row(Text("AUC", style="dim"), Text(bars(ours, low, high), style="green"))
    if any(auc is not None for auc in theirs):
        grid.add_row(Text("frozen", style="dim"), Text(bars(theirs, low, high), style="red"))
    grid.add_row("", Text(scale, style="dim"))
    return grid


def bars(values: Sequence[float | None], low: float, high: float, width: int = 64) -> str:
    """Values as bars between the lowest and the highest; blank where one is missing."""
    step = max(1.0, len(values) / width)
    chosen = [values[int(i * step)] for i in range(min(width, len(values)))]
    span = max(high - low, 1e-9)
    top = len(BARS) - 1
    return "".join(" " if v is None else BARS[round((v - low) / span * top)] for v in chosen)


def number(value: float | None) -> str:
    """A measure with three digits after the point; a dash where there is none."""
    return "-" if value is None else f"{value:.3f}"


WIDEST = 100
LINE_SECONDS = 5.0


class Display(Protocol):
    """Where scenes are shown."""

    def show(self, scene: Scene) -> None:
        """Show a scene; called several times a second."""

    def say(self, text: str) -> None:
        """Print text that stays on screen."""


@contextmanager
def display() -> Iterator[Display]:
    """A full screen if standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    console = Console(stderr=True, highlight=False)
    console.width = min(console.width, WIDEST)
    with Live(console=console, auto_refresh=False) as live:
        yield _Screen(live)


class _Screen:
    """One screen, redrawn for each scene."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, scene: Scene) -> None:
        self._live.update(screen(scene), refresh=True)

    def say(self, text: str) -> None:
        self._live.console.print(Text(text), soft_wrap=True)


class _Lines:
    """A line every few seconds, if it changed."""

    def __init__(self) -> None:
        self._said, self._said_at = "", monotonic()

    def show(self, scene: Scene) -> None:
        text = line(scene)
        if scene.time and text != self._said and monotonic() - self._said_at >= LINE_SECONDS:
            self._said, self._said_at = text, monotonic()
            say(text)

    def say(self, text: str) -> None:
        say(text)
