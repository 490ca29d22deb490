"""What the tests of the served model start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.serving.served import Maker, a_project, maker_of


@pytest.fixture
def maker(tmp_path: Path) -> Iterator[Maker]:
    """A model with three versions."""
    with maker_of(a_project(tmp_path)) as maker:
        for _ in range(3):
            maker.make()
        yield maker
