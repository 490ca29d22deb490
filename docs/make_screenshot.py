"""Draw docs/demo.svg, the demo's screen at the end of its year: python -m docs.make_screenshot.

Plays the whole year, which takes three minutes and port 8000.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from rich.console import Console

from converters.show.command_line import say
from serve.demo.demo import DemoOptions, run
from serve.demo.screen import Display, Scene, line, screen

PICTURE = Path(__file__).with_name("demo.svg")
COLUMNS = 96
# The picture is to be whole without fetching fonts from elsewhere.
FETCHED_FONTS = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


class _Last:
    """Keeps the last scene."""

    scene: Scene | None = None

    def show(self, scene: Scene) -> None:
        self.scene = scene

    def say(self, text: str) -> None:
        say(text)


def main() -> None:
    """Play, then draw."""
    last = _Last()

    @contextmanager
    def showing() -> Iterator[Display]:
        yield last

    with TemporaryDirectory() as folder:
        os.chdir(folder)
        run(DemoOptions(leave=True), Event(), say, showing)
    if last.scene is None:
        sys.exit("The demo has shown nothing.")
    console = Console(record=True, width=COLUMNS, file=StringIO(), highlight=False)
    console.print(screen(last.scene))
    picture = FETCHED_FONTS.sub("", console.export_svg(title="freshet demo", unique_id="freshet"))
    PICTURE.write_text(re.sub(r"[ \t]+\n", "\n", picture), encoding="utf-8")
    say(line(last.scene))


if __name__ == "__main__":
    main()
