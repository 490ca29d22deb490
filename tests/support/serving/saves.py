"""Checkpoints in step with the batches: each has ended before the next batch is taken.

A learner otherwise writes them beside the fold, and how many it makes depends on the machine.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from stream.checkpoints.saver import Saver
from stream.log.contract import Place


def save_in_step(patch: pytest.MonkeyPatch) -> None:
    """Let learners wait for each checkpoint that they begin."""
    try_save = Saver.try_save

    def waited(saver: Saver, cut: Mapping[Place, int], journal_position: int) -> None:
        try_save(saver, cut, journal_position)
        saver._wait()
        saver.look()

    patch.setattr(Saver, "try_save", waited)
