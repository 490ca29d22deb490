"""What the tests of the registry begin with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from learners.registry import Registry
from tests.support.learning.registry_samples import registry_at


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """An empty registry."""
    with registry_at(tmp_path) as opened:
        yield opened
