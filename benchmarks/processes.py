"""Commands run to their end, with what they took of the processors and of the clock."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

BUSY = "import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True:\n    pass\n"


@dataclass(frozen=True)
class Spent:
    """What a command took, its children included, and what it said.

    Attributes:
        cpu: seconds of processor time.
        wall: seconds.
    """

    cpu: float
    wall: float
    out: str
    err: str


def spent(*arguments: str, library: Path | None = None) -> Spent:
    """Run Python with these arguments; a failure ends the benchmarks with what it said.

    ``library`` is a folder to import from besides.
    """
    command = [sys.executable, *arguments]
    environment = os.environ | ({} if library is None else {"PYTHONPATH": str(library)})
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(cpu, wall, done.stdout, done.stderr)


def freshet(command: str, toml: Path, *arguments: str) -> Spent:
    """Run a command of Freshet."""
    return spent("-m", "serve.cli", command, *arguments, "--config", str(toml))


@contextmanager
def one_core_taken(cores: Sequence[int]) -> Iterator[None]:
    """Two processors for what is run meanwhile, the second of which is taken by a busy loop."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores[:2])
    busy = subprocess.Popen([sys.executable, "-c", BUSY.format(core=cores[1])])
    try:
        yield
    finally:
        busy.kill()
        busy.wait()
        os.sched_setaffinity(0, before)
