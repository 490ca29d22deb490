"""Bad nights of each kind, the learner killed again and again while it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.replay.night import KINDS
from tests.replay.proof import night


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_the_end_is_that_of_a_log_without_the_poison(kind: str, tmp_path: Path) -> None:
    """Model, measures, outputs and answers."""
    assert night(tmp_path, kind, flights=20_000, kills=8, seed=3).wrong == []
