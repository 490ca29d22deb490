"""The short form of the kills: every log, both kinds of labels, full topics and live arrival.

``make faults`` is the long form. Each test ends with one learner that reads to the end and is
compared with the input's ledger, with a run without kills, and with the journal's replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.instruments import GoneError, replace, set_constants
from tests.faults.kill_checks import verified
from tests.faults.kill_scenario import HASTE, Killing
from tests.faults.points import STARTING, Trace, read_trace
from tests.faults.scenarios import Scenario, project_of, scenarios
from tests.faults.zygote import Life, Zygote, running_zygote

KILLS, EVENTS = 72, 36_000
SHORT = [
    pytest.param(s, id=s.name, marks=pytest.mark.kafka if s.kind == "kafka" else ())
    for s in scenarios(KILLS, EVENTS)
]


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    """What the learners are forked from."""
    with running_zygote() as running:
        yield running


@pytest.mark.timeout(180)
@pytest.mark.parametrize("scenario", SHORT)
def test_kills_change_nothing(
    scenario: Scenario,
    zygote: Zygote,
    tmp_path: Path,
    unique_name: str,
    request: pytest.FixtureRequest,
) -> None:
    """Killed at random and at named points, a learner loses nothing and does nothing twice."""
    url = f"sqlite:///{tmp_path}/log.db"
    if scenario.kind == "kafka":
        url = f"kafka://{request.getfixturevalue('kafka_bootstrap')}"
    killing = Killing(scenario, project_of(scenario, tmp_path / "p", url, unique_name), zygote)
    killing.run(lambda _: None)
    assert killing.deaths.count == scenario.kills
    assert list(verified(killing, zygote, f"{unique_name}-unharmed")) == []


def test_a_checkpoint_made_during_the_replay_forgets_none_of_the_tail(
    zygote: Zygote, tmp_path: Path, unique_name: str
) -> None:
    """Killed right after a checkpoint in the middle of its replay, it still replays the rest."""
    scenario = Scenario("sqlite", 1, late=False, live=False, kills=2, events=3_000)
    url = f"sqlite:///{tmp_path}/log.db"
    killing = Killing(scenario, project_of(scenario, tmp_path / "p", url, unique_name), zygote)
    for point, nth, every in (("outputs: write returned", 5, 10**6), ("snapshot: left", 1, 1)):
        limits = {"FRESHET_CHECKPOINT__EVENTS": str(every), "FRESHET_CHECKPOINT__SECONDS": "9"}
        constants = HASTE | {"BATCH_ROWS": 100}
        killing.kill(
            Life(
                *(str(killing.project.folder), ["learn"], scenario.kind, point, nth),
                seconds=20,
                environment=limits,
                constants=constants,
            )
        )
    assert killing.deaths.points == {"outputs: write returned": 1, "snapshot: left": 1}
    assert list(verified(killing, zygote, f"{unique_name}-unharmed")) == []


def test_a_name_that_is_gone_is_a_clear_failure() -> None:
    """A point whose function was renamed is told, and is not a point that is never passed."""
    with pytest.raises(GoneError, match=r"stream\.outputs has no renamed"):
        replace("stream.outputs", "renamed", lambda original: original)
    with pytest.raises(GoneError, match="SURELY_NOT_THERE"):
        set_constants({"SURELY_NOT_THERE": 1.0})


def test_a_trace_outlives_its_process(tmp_path: Path) -> None:
    """What was passed, how often, and where the learner stood can be read afterwards."""
    trace = Trace(tmp_path / "trace", None, 1, 0.0)
    assert read_trace(tmp_path / "trace").region == STARTING
    for point in ("fold: batch read", "outputs: before BEGIN", "outputs: before COMMIT"):
        trace.passed(point)
    traced = read_trace(tmp_path / "trace")
    assert traced.region == "outputs' commit under way"
    assert traced.passes["fold: batch read"] == 1
    assert traced.working_after is not None
    trace.passed("snapshot: draft made")
    assert read_trace(tmp_path / "trace").region == "writing a snapshot"
