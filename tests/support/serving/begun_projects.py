"""What many tests begin with: made once in each process of the tests, and copied for the others."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

from tests.support.serving.project import Project

Given = TypeVar("Given")

_made: dict[Hashable, tuple[Path, object]] = {}


def begun(project: Project, make: Callable[[Project], Given], *how: Hashable) -> Given:
    """Do what ``make`` does to a new project, or copy what it did to one before; what it gave.

    Args:
        project: nothing but its config is in its folder. One on Kafka is made each time.
        make: has it learn.
        how: whatever else that depends on, such as the size of batches.
    """
    if project.log:
        return make(project)
    key = (make, project.config_file.read_text(encoding="utf-8"), *how)
    if key in _made:
        kept, given = _made[key]
        shutil.copytree(kept, project.folder, dirs_exist_ok=True)
        return given  # type: ignore[return-value]
    given = make(project)
    kept = Path(tempfile.mkdtemp(dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    atexit.register(shutil.rmtree, kept)
    shutil.copytree(project.folder, kept, dirs_exist_ok=True)
    _made[key] = kept, given
    return given
