"""The gate on what the learner publishes by itself: far worse than the base rate is held back."""

from __future__ import annotations

from typing import Any

import pytest

from converters.config.learning_settings import GateSettings
from learners.registry.row_types import Verdict
from learners.versions.gate import held_or_not, in_words

GOOD, GATE = Verdict(good=True), GateSettings()


def window(count: int = 1_000, loss: float | None = 0.7, base: float | None = 0.6) -> Any:
    """Measures of the window by count."""
    return {"count": count, "log_loss": loss, "base_rate_log_loss": base}


def test_a_version_far_worse_than_the_base_rate_is_held_with_all_figures() -> None:
    """The reason names window, both log losses, their difference and the margin."""
    found = held_or_not(GOOD, window(), 10_000, GATE)
    assert (found.good, found.held) == (True, True)
    for figure in ("1,000 labels", "0.7000", "0.6000", "0.1000", "gate.margin allows 0.05"):
        assert figure in found.reason
    assert in_words(found) == found.reason


@pytest.mark.parametrize(
    ("measured", "size"),
    [
        (window(loss=0.64), 10_000),
        (window(count=999), 10_000),
        (window(count=0, loss=None, base=None), 10_000),
        (window(count=499), 500),
    ],
)
def test_a_version_within_the_margin_or_with_few_labels_is_not_held(
    measured: dict[str, Any], size: int
) -> None:
    """The verdict stays, and says what was looked at."""
    assert held_or_not(GOOD, measured, size, GATE) is GOOD
    assert in_words(GOOD) == "loads and reproduces its scores"


def test_a_full_window_is_enough_where_it_is_shorter_than_the_labels_asked_for() -> None:
    """With evaluation.window = 500, the gate does not wait for 1,000 labels in it."""
    assert held_or_not(GOOD, window(count=500), 500, GATE).held


def test_a_version_that_cannot_be_served_at_all_stays_refused() -> None:
    """What is broken is not offered to a person."""
    bad = Verdict(good=False, reason="a weight is not finite")
    assert held_or_not(bad, window(), 10_000, GATE) is bad
