"""A file that is not where a config says: which one that is there may have been meant."""

from __future__ import annotations

import difflib
from pathlib import Path


def did_you_mean(path: Path) -> str:
    """``; did you mean PATH?`` where one name of a missing path is nearly that of another file."""
    found = _like(path)
    return "" if found is None else f"; did you mean {found}?"


def _like(path: Path) -> Path | None:
    there = next((each for each in path.parents if each.is_dir()), None)
    if there is None:
        return None
    missing, *below = path.relative_to(there).parts
    try:
        names = [each.name for each in there.iterdir()]
    except OSError:
        return None
    for name in difflib.get_close_matches(missing, names):
        found = there.joinpath(name, *below)
        if found.is_file():
            return found
    return None
