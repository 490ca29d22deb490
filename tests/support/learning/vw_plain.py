"""Plain Vowpal Wabbit, used as its own documentation shows, to compare the learner with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import vowpalwabbit

from tests.support.learning.learner_samples import unlabelled


@contextmanager
def plain(args: Sequence[str]) -> Iterator[Any]:
    """A workspace opened with the arguments as one string."""
    workspace: Any = vowpalwabbit.Workspace(" ".join(args))
    try:
        yield workspace
    finally:
        workspace.finish()


def predict_then_learn(args: Sequence[str], lines: Sequence[str]) -> list[float]:
    """The score of each line before it is learned, one call each."""
    scores = []
    with plain(args) as workspace:
        for line in lines:
            scores.append(workspace.predict(unlabelled(line)))
            if not line.startswith("|"):
                workspace.learn(line)
    return scores


def file_after(args: Sequence[str], lines: Sequence[str], folder: Path) -> bytes:
    """The model file after learning the lines one by one (scoring those without a label)."""
    path = folder / "plain"
    with plain(args) as workspace:
        for line in lines:
            if line.startswith("|"):
                workspace.predict(line)
            else:
                workspace.learn(line)
        workspace.save(str(path))
    return path.read_bytes()
