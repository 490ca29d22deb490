"""Migrations that are killed: a process for each statement, which ends before that."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.engine import Engine

from learners.registry import Registry


def main(registry: Path, model: str, folder: Path) -> None:
    """Copy a registry and open the copy, killed before the first statement; then the second, ...

    The commit is the last of them. What is left is in the folder, numbered.
    """
    for number in count():
        copy = folder / f"{number}.db"
        shutil.copy(registry, copy)
        child = os.fork()
        if not child:
            _open(copy, model, number)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert os.waitstatus_to_exitcode(status) == 0
            return


def _open(path: Path, model: str, left: int) -> None:
    """Open a registry; in the way comes a SIGKILL."""
    steps = count()

    def step(*_about: object) -> None:
        if next(steps) == left:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", step)
    event.listen(Engine, "commit", step)
    Registry(f"sqlite:///{path}", model).close()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
