"""When a checkpoint is due: by events, by time with something new, spaced by its cost."""

from __future__ import annotations

import pytest

from converters.config.learning_settings import CheckpointSettings
from stream.checkpoints import saver
from stream.checkpoints.saver import Pacing


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that pacing looks at."""
    made = Clock()
    monkeypatch.setattr(saver, "monotonic", made)
    return made


def test_enough_events_are_due_at_once(clock: Clock) -> None:
    """So many learned events make a checkpoint due, whatever the clock says."""
    pace = Pacing(CheckpointSettings(events=100, seconds=5, min_spacing=0), learned=50)
    assert not pace.due(149, changed=True)
    assert pace.due(150, changed=True)


def test_time_makes_due_only_what_is_new(clock: Clock) -> None:
    """After the seconds something learned is saved; nothing new never is."""
    pace = Pacing(CheckpointSettings(events=100, seconds=5), learned=0)
    clock.now += 5
    assert pace.due(1, changed=True)
    assert not pace.due(0, changed=False)


def test_what_was_not_learned_may_wait_longer(clock: Clock) -> None:
    """Events that only wait for their labels make no version and no haste."""
    pace = Pacing(CheckpointSettings(events=100, seconds=5), learned=0)
    clock.now += 59
    assert not pace.due(0, changed=True)
    clock.now += 1
    assert pace.due(0, changed=True)


def test_a_costly_checkpoint_earns_its_distance(clock: Clock) -> None:
    """The next one waits the spacing times the last one's cost, unless that is switched off."""
    spaced = Pacing(CheckpointSettings(events=1, seconds=5, min_spacing=20), learned=0)
    dense = Pacing(CheckpointSettings(events=1, seconds=5, min_spacing=0), learned=0)
    for pace in (spaced, dense):
        pace.saved(1, seconds=0.5)
    clock.now += 9
    assert not spaced.due(500, changed=True)
    assert dense.due(500, changed=True)
    clock.now += 1
    assert spaced.due(500, changed=True)
