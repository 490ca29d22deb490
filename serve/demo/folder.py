"""The demo's folder: ``.freshet/demo`` under the working directory, recreated by each run.

It holds the flights, their ``freshet.toml`` and all state, so that every other command can be tried
on the demo's results: ``cd .freshet/demo``, then ``freshet models``.
"""

from __future__ import annotations

import os
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from converters.config import load
from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.files.private import FILE, make_home, opener
from converters.schema import schema
from converters.schema.schema import Schema
from serve.demo.flights import CONFIG

FOLDER = Path(".freshet") / "demo"
# How long the learner of a killed demo may take to notice that and to end.
ORPHAN_SECONDS = 20.0


class DemoFolderError(FreshetError):
    """Another demo uses the folder, or it cannot be written."""


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The folder with its config, which the environment does not override."""

    path: Path
    settings: Settings
    schema: Schema

    @property
    def config(self) -> Path:
        """The config file."""
        return self.path / "freshet.toml"

    @property
    def flights(self) -> Path:
        """The file of flights."""
        return self.path / "flights.csv"

    def note(self, name: str, line: str) -> None:
        """Add a line to the log file of a child."""
        file = self.path / f"{name}.log"
        with open(file, "a", encoding="utf-8", opener=opener) as log:
            log.write(line + "\n")


def environment() -> dict[str, str]:
    """This process's environment without what overrides a config: the demo has its own."""
    return {n: v for n, v in os.environ.items() if not n.upper().startswith(load.PREFIX)}


@contextmanager
def demo_folder(parent: Path) -> Iterator[DemoFolder]:
    """The folder, empty but for its config and locked until the ``with`` ends.

    Raises:
        DemoFolderError: another demo runs there, or the folder cannot be written.
    """
    path = (parent / FOLDER).absolute()
    with _errors(path):
        make_home(path)
        mine = _held(path / "demo.lock", 0.0, "Another demo runs in")
    with mine:
        settings = load.from_values(tomllib.loads(CONFIG), path / "freshet.toml")
        folder = DemoFolder(path, settings, schema.from_settings(settings))
        with _errors(path):
            _clear(folder)
            folder.config.write_text(CONFIG, encoding="utf-8")
        yield folder


def _clear(folder: DemoFolder) -> None:
    """Remove what an earlier demo left, and nothing else."""
    home = folder.settings.home
    if home.exists():
        lock = home / "learner.lock"
        _held(lock, ORPHAN_SECONDS, "The learner of an earlier demo still runs in").release()
        shutil.rmtree(home)
    for file in (folder.flights, folder.config, *folder.path.glob("*.log")):
        file.unlink(missing_ok=True)


def _held(lock: Path, seconds: float, otherwise: str) -> FileLock:
    """The lock, once acquired."""
    mine = FileLock(lock, mode=FILE)
    try:
        mine.acquire(timeout=seconds)
    except Timeout:
        raise DemoFolderError(
            f"{otherwise} {lock.parent}. Stop it, or start this one in another folder."
        ) from None
    return mine


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DemoFolderError(
            f"The demo cannot write its folder {path}: {error.strerror or error}. Start it in a "
            "folder that you can write to."
        ) from None
