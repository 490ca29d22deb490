"""Disks and clocks that fail, for one process: ``shim.c`` built on demand and told what to do.

A :class:`Shim` gives the environment in which a learner starts, and breaks and mends its calls
while it runs. It works below Python, SQLite and Vowpal Wabbit alike, for it stands in for the C
library's calls; it needs Linux and a C compiler.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from filelock import FileLock

SOURCE = Path(__file__).with_name("shim.c")
CACHE = Path(__file__).resolve().parents[2] / ".cache"

Call = Literal["open", "mkdir", "rename", "write", "truncate", "sync"]


@dataclass(frozen=True)
class Shim:
    """What fails in the processes that are started in :attr:`environment`; nothing at first.

    Attributes:
        library: the compiled shim.
        control: the file that it reads before each call.
    """

    library: Path
    control: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which a process is to be started."""
        return {"LD_PRELOAD": str(self.library), "FAULTS_CONTROL": str(self.control)}

    def fail(self, call: Call, error: int, where: Path | str, *, first: int = 1) -> None:
        """Let calls on paths that begin with ``where`` fail, from the ``first`` on.

        Args:
            call: which; ``open`` means for writing.
            error: an errno.
            where: the beginning of the paths.
            first: which of the calls, counted from now, is the first to fail.
        """
        self._set(f"fail {call} {error} {first} {where}")

    def read_only(self, *where: Path | str) -> None:
        """Let nothing below these paths be opened for writing, made, renamed or written."""
        calls: tuple[Call, ...] = ("open", "mkdir", "rename", "write", "truncate")
        self._set(*(f"fail {call} {errno.EROFS} 1 {path}" for path in where for call in calls))

    def slow(self, call: Call, milliseconds: int, where: Path | str) -> None:
        """Let calls take this much longer."""
        self._set(f"slow {call} {milliseconds} 0 {where}")

    def move_clock(self, seconds: int) -> None:
        """Set the wall clock forward, or back; the monotonic one goes on as always."""
        self._set(f"clock {seconds}")

    def mend(self) -> None:
        """Let everything be well again."""
        self._set()

    def hits(self) -> int:
        """How many calls were failed or slowed so far, over all rules."""
        path = Path(f"{self.control}.hits")
        return path.stat().st_size if path.exists() else 0

    def _set(self, *rules: str) -> None:
        new = self.control.with_suffix(".new")
        new.write_text("".join(f"{rule}\n" for rule in rules), encoding="utf-8")
        new.replace(self.control)


def built() -> Path:
    """The compiled shim, made once of its source; skips the test where that cannot be."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if not sys.platform.startswith("linux") or compiler is None:
        if os.environ.get("CI") == "true" and sys.platform.startswith("linux"):
            pytest.fail("CI needs gcc to build tests/faults/shim.c")
        pytest.skip("the shim that makes disks fail needs Linux and gcc")
    digest = hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    library = CACHE / f"shim-{digest}.so"
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / "shim.lock"):
        if not library.exists():
            made = library.with_suffix(".new")
            subprocess.run(
                [compiler, "-O2", "-shared", "-fPIC", "-o", made, SOURCE, "-ldl"], check=True
            )
            made.rename(library)
    return library


def shim_in(folder: Path) -> Shim:
    """A shim with its control file in a folder."""
    shim = Shim(built(), folder / "faults")
    shim.mend()
    return shim
