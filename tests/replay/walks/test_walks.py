"""Random walks over rollbacks of the learner, beside a plain simulation of its lineages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.walks.walk import Walk


@pytest.mark.parametrize("seed", [3, 5])
def test_a_walk_is_the_simulation(seed: int, tmp_path: Path) -> None:
    """Every score, count and byte, whatever was asked for and wherever the learner crashed."""
    Walk(tmp_path, seed).run()


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1040))
def test_longer_walks_are_the_simulation(seed: int, tmp_path: Path) -> None:
    """The same, forty times."""
    Walk(tmp_path, seed, steps=24).run()
