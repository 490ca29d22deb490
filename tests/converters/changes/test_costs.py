"""The table of costs: whole, and without lines for keys that there are not."""

from __future__ import annotations

import pytest

from converters.changes.costs import COSTS, consequence
from tests.support.config_keys import KEYS


def test_every_key() -> None:
    """Each key of the config says what changing it costs, when, and what to do."""
    assert len(KEYS) > 150
    for key in KEYS:
        assert consequence(key).effect


def test_no_other_line() -> None:
    """Each line is that of a key, or of a section whose keys have none of their own."""
    for line in COSTS:
        assert any(key == line or key.startswith(f"{line}.") for key in KEYS), line


def test_unknown_key() -> None:
    """A key that the table does not know is an error, not free of cost."""
    with pytest.raises(KeyError, match="costs"):
        consequence("evaluation.new_key")
