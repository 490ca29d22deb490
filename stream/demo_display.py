"""Where the demo is shown: a live screen on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from converters.show.command_line import say
from serve.demo.screen import Scene, line, screen

WIDEST = 100
LINE_SECONDS = 5.0


class Display(Protocol):
    """Where scenes are shown."""

    def show(self, scene: Scene) -> None:
        """Show the moment; called several times a second."""

    def say(self, text: str) -> None:
        """Say something that stays."""


@contextmanager
def display() -> Iterator[Display]:
    """A screen where standard error is a terminal, else lines."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    console = Console(stderr=True, highlight=False)
    console.width = min(console.width, WIDEST)
    with Live(console=console, auto_refresh=False) as live:
        yield _Screen(live)


class _Screen:
    """One screen, drawn again and again."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, scene: Scene) -> None:
        self._live.update(screen(scene), refresh=True)

    def say(self, text: str) -> None:
        self._live.console.print(Text(text), soft_wrap=True)


class _Lines:
    """A line every few seconds, as long as there is news."""

    def __init__(self) -> None:
        self._said, self._said_at = "", monotonic()

    def show(self, scene: Scene) -> None:
        text = line(scene)
        if scene.time and text != self._said and monotonic() - self._said_at >= LINE_SECONDS:
            self._said, self._said_at = text, monotonic()
            say(text)

    def say(self, text: str) -> None:
        say(text)
