"""The short form of the kills: every log, both kinds of labels, full topics and live arrival.

``make faults`` is the long form. Each test ends with one learner that reads to the end and is
compared with the input's ledger, with a run without kills, and with the journal's replay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace as replaced
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from stream.log import journal
from stream.log.contract import Outgoing
from tests.faults import kills, table
from tests.faults.fault_tests import rows_of
from tests.faults.instruments import GoneError, replace, set_constants
from tests.faults.kill_checks import verified
from tests.faults.kill_scenario import HASTE, Killing
from tests.faults.kills import Outcome
from tests.faults.ledger import BAD_LABELS, BAD_RECORDS, BAD_ROWS, drawn
from tests.faults.points import STARTING, Trace, read_trace
from tests.faults.scenarios import Scenario, project_of, scenarios
from tests.faults.zygote import Life, Zygote, running_zygote

KILLS, EVENTS = 36, 18_000


def _is_long(scenario: Scenario) -> bool:
    """By default a log of each kind, labels of both, and of Kafka's what is hardest."""
    simple = scenario.partitions == 1 and not scenario.late and scenario.live
    hard = scenario.partitions > 1 and scenario.late and not scenario.live
    embedded = scenario.kind == "sqlite" and (scenario.late or not scenario.live)
    return scenario.processes > 1 or not (embedded or simple or hard)


SHORT = [
    pytest.param(
        s,
        id=s.name,
        marks=[pytest.mark.kafka] * (s.kind == "kafka") + [pytest.mark.long] * _is_long(s),
    )
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


def test_an_output_written_twice_is_found(zygote: Zygote, tmp_path: Path, unique_name: str) -> None:
    """The harness reports a record of scores that is on its topic twice."""
    scenario = Scenario("sqlite", 1, late=False, live=True, kills=1, events=500)
    url = f"sqlite:///{tmp_path}/log.db"
    killing = Killing(scenario, project_of(scenario, tmp_path / "p", url, unique_name), zygote)
    killing.run(lambda _: None)
    assert list(verified(killing, zygote, "")) == []
    with killing.project.open_log() as log:
        topic = killing.project.topics().scores
        first = next(journal.records(log, topic))
        log.append(topic, [Outgoing(first.value, first.time, key=first.key)])
    rows = first.value.count(b"\n") + 1
    found = list(verified(killing, zygote, ""))
    assert found[0] == f"{rows} scores were output twice"
    assert found[1].startswith(f"scores of each id: {rows} differ")


def test_the_input_holds_everything_that_has_an_outcome() -> None:
    """Refused rows of every reason, repeats, anonymous rows, and labels against the first."""
    ledger = drawn(20_000, late=True, partitions=4, seed=1)
    sent = [each for chunk in ledger.chunks for each in chunk]
    reasons = {reason for each in sent for reason in each.reasons if reason}
    listed = (*BAD_ROWS, *BAD_RECORDS, *BAD_LABELS)
    assert reasons == {reason for _, reason in listed} | {"conflicting-label"}
    assert ledger.repeats > 100
    assert ledger.ids[""] > 100
    assert {each.record.partition for each in sent} == {0, 1, 2, 3}
    assert sum(ledger.ids.values()) + ledger.repeats < ledger.rows


def test_only_what_is_missing_is_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finished scenario is kept for the same code and size, and for no other."""
    monkeypatch.setattr(kills, "STATE", tmp_path)
    scenario = scenarios(12, 1_200, "sqlite-late-live")[0]
    assert kills.kept(scenario) is None
    outcome = kills.run_one(scenario)
    assert outcome.problems == []
    assert outcome.kills == 1
    assert kills.kept(scenario) == outcome
    assert kills.kept(replaced(scenario, kills=2)) is None
    monkeypatch.setattr(kills, "code_mark", lambda: "other code")
    assert kills.kept(scenario) is None


def test_the_tables_add_up() -> None:
    """Kills inside a commit are counted apart, and a failure is not to be overlooked."""
    regions = {"between commits": 3, "inside the registry's commit": 2}
    good = Outcome("a", 5, 0, 100, 10, regions, {"between commits": 1}, {}, 0.1, 1.0, [], 3)
    bad = replaced(good, name="b|", plain=1, problems=["lost"])
    assert table.of_scenarios([good, bad]).rows == [
        ("a", "5", "2", "3", "100", "10", "the same, 0 lost, 0 twice", "1"),
        ("b|", "5", "2", "3", "100", "10", "FAILED", "1"),
        ("together", "10", "4", "6", "200", "20", "1 FAILED", "2"),
    ]
    landed = table.of_regions([good, bad])
    assert ("between commits", "2", "4", "6") in landed.rows
    assert landed.rows[-1][-1] == "1"
    assert "| b\\| | 5 |" in table.of_scenarios([bad]).markdown()


def test_each_fault_is_a_row() -> None:
    """The cases of a test are one row: its first sentence, and how many passed."""
    module = 'classname="tests.faults.test_kills"'
    name = "test_each_fault_is_a_row"
    report = ET.fromstring(
        f'<r><testcase {module} name="{name}[a]" time="1.4"/>'
        f'<testcase {module} name="{name}[b]" time="2.0"><failure/></testcase></r>'
    )
    assert rows_of(report) == [
        (
            "The cases of a test are one row: its first sentence, and how many passed.",
            "1 FAILED, 1 passed",
            "3",
            f"pytest -m '' tests/faults/test_kills.py -k {name}",
        )
    ]


def test_a_name_that_is_gone_is_a_clear_failure() -> None:
    """The harness reports a kill point whose function was renamed; it is not skipped in silence."""
    with pytest.raises(GoneError, match=r"stream\.fold\.outputs has no renamed"):
        replace("stream.fold.outputs", "renamed", lambda original: original)
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
