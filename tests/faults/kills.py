"""The long form of the kills: every scenario, two at a time, each finished one kept.

Each scenario runs in a separate process, which leaves its :class:`Outcome` in ``.cache/faults``.
Outcomes found there, from the same code and of the same size, are not run again: an interrupted
run continues with the scenarios that are missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import statistics
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from time import monotonic

from tests.faults.kill_checks import verified
from tests.faults.kill_scenario import Killing, ScenarioError
from tests.faults.scenarios import Scenario, project_of
from tests.faults.zygote import ZygoteError, running_zygote
from tests.support import ROOT
from tests.support.streams.broker import running_broker

STATE = ROOT / ".cache" / "faults"
PACKAGES = ("converters", "learners", "stream", "serve")
HARNESS = (
    *("instruments", "kill_checks", "kill_scenario", "kills", "ledger", "points", "scenarios"),
    "zygote",
)
# As many as there are cores to be had on the smallest machine that this has to run on.
AT_ONCE = 2
SAY_EVERY = 25


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario; see :class:`tests.faults.kill_scenario.Deaths`."""

    name: str
    kills: int
    plain: int
    events: int
    labels: int
    regions: dict[str, int]
    named: dict[str, int]
    points: dict[str, int]
    start_seconds: float
    seconds: float
    problems: list[str]
    readers: int = 0


def run_all(wanted: Sequence[Scenario], kills: int, events: int) -> list[Outcome]:
    """Run what is not yet finished; the outcomes of all."""
    with contextlib.ExitStack() as stack:
        missing = [scenario for scenario in wanted if kept(scenario) is None]
        if any(scenario.kind == "kafka" for scenario in missing):
            stack.enter_context(running_broker())
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))
        list(pool.map(lambda scenario: _apart(scenario, kills, events), missing))
    return [kept(scenario) or _lost(scenario) for scenario in wanted]


def _apart(scenario: Scenario, kills: int, events: int) -> None:
    """A scenario in a process of its own, which keeps what comes of it."""
    sizes = ["--kills", str(kills), "--events", str(events)]
    command = [sys.executable, "-m", "tests.faults", "kills", "--one", scenario.name, *sizes]
    subprocess.run(command, cwd=ROOT, check=False)


def run_one(scenario: Scenario) -> Outcome:
    """Run a scenario here, and keep what comes of it."""
    STATE.mkdir(parents=True, exist_ok=True)
    work = STATE / f"work-{scenario.name}"
    shutil.rmtree(work, ignore_errors=True)
    with log_url(scenario, work) as url:
        outcome = outcome_of(scenario, work, url, say=True)
    if not outcome.problems:
        shutil.rmtree(work)
    _file(scenario).write_text(json.dumps({"mark": _mark(scenario), **asdict(outcome)}))
    return outcome


@contextlib.contextmanager
def log_url(scenario: Scenario, work: Path) -> Iterator[str]:
    """A log of the scenario's kind."""
    if scenario.kind == "sqlite":
        yield f"sqlite:///{work}/log.db"
        return
    with running_broker() as servers:
        yield f"kafka://{servers}"


def outcome_of(scenario: Scenario, work: Path, url: str, *, say: bool = False) -> Outcome:
    """Kill, compare, and tell."""
    began = monotonic()
    model = f"k-{uuid.uuid4().hex[:12]}"

    def said(kills: int) -> None:
        if say and kills % SAY_EVERY == 0:
            at = f"{kills} of {scenario.kills} kills, {monotonic() - began:.0f} s"
            sys.stderr.write(f"{scenario.name}: {at}\n")

    with running_zygote() as zygote:
        project = project_of(scenario, work / "project", url, model)
        killing = Killing(scenario, project, zygote)
        try:
            killing.run(said)
            problems = list(verified(killing, zygote, f"{model}-unharmed"))
        except (ScenarioError, ZygoteError) as error:
            problems = [str(error)]
    deaths, ledger = killing.deaths, killing.ledger
    return Outcome(
        scenario.name,
        deaths.count,
        deaths.plain,
        ledger.rows,
        ledger.labels,
        dict(deaths.regions),
        dict(deaths.named),
        dict(deaths.points),
        round(statistics.median(deaths.starts or [0.0]), 3),
        round(monotonic() - began, 1),
        problems,
        deaths.readers,
    )


def kept(scenario: Scenario) -> Outcome | None:
    """What came of the scenario in an earlier run of the same code; failures are run again."""
    try:
        found = json.loads(_file(scenario).read_text())
    except (FileNotFoundError, ValueError):
        return None
    same = found.pop("mark", None) == _mark(scenario)
    return Outcome(**found) if same else None


def forget_failed(wanted: Sequence[Scenario]) -> None:
    """Have those run again that failed."""
    for scenario in wanted:
        outcome = kept(scenario)
        if outcome is not None and outcome.problems:
            _file(scenario).unlink()


def _lost(scenario: Scenario) -> Outcome:
    return Outcome(scenario.name, 0, 0, 0, 0, {}, {}, {}, 0.0, 0.0, ["its process left no outcome"])


def _file(scenario: Scenario) -> Path:
    return STATE / f"{scenario.name}.json"


def _mark(scenario: Scenario) -> str:
    """What the outcome is of: the scenario, and the code that was killed."""
    return hashlib.sha256(f"{code_mark()} {scenario}".encode()).hexdigest()


@cache
def code_mark() -> str:
    """A digest of the code that runs and of the code that kills, as this process found it."""
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    files += [ROOT / "tests" / "faults" / f"{name}.py" for name in HARNESS]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()
