"""After the kills: nothing lost, nothing twice, and the same as without kills.

Compares the outputs of a killed learner with its ledger, row by row, and with a reference that
was not killed: for a topic that was full before the start another model that reads the same topics,
and in all cases a replay of the killed learner's journal from nothing. Every check gives the
differences that it finds as sentences; an empty list means success.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from learners.registry.row_types import Checkpoint
from stream.fold.outputs import Score
from tests.faults.kill_scenario import Killing, ScenarioError
from tests.faults.scenarios import project_of
from tests.faults.zygote import Life, Zygote
from tests.support.serving.project import Project

# What a report says of the run and not of the model.
OF_THE_RUN = {
    "version",
    "rejected_this_run",
    "cells_this_run",
    "duplicates_this_run",
    "expired_this_run",
    "events_this_run",
    "events_per_second",
}
# A last life may have few rows left, and most of them bad ones.
ALL_MAY_BE_BAD = ("--max-rejected", "1")
SHOWN = 3

Place = tuple[int, int, int]
Scored = dict[Place, tuple[str, float, int]]


def verified(killing: Killing, zygote: Zygote, model: str) -> Iterator[str]:
    """Let a last life reach the end, and say everything that is wrong."""
    project = killing.project
    report = finished(zygote, project, ["learn", "--until-end", "--json", *ALL_MAY_BE_BAD])
    scores, letters = project.scores(), project.dead_letters()
    scored = {(s.partition, s.offset, s.row): (s.id, s.score, s.lessons) for s in scores}
    if len(scores) != len(scored):
        yield f"{len(scores) - len(scored)} scores were output twice"
    refused = {(d.topic, d.partition, d.offset, d.row): d.reason for d in letters}
    if len(letters) != len(refused):
        yield f"{len(letters) - len(refused)} dead letters were output twice"
    yield from differing("dead letters", killing.ledger.refused, refused)
    yield from as_the_ledger_says(killing, scores, report)
    yield from sound_snapshots(project)
    replayed, its_scores = replay(zygote, project)
    yield from same_report("the journal's replay", replayed, report)
    yield from differing("scores of the journal's replay", its_scores, scored)
    if not killing.scenario.live:
        yield from as_without_kills(killing, zygote, model, report, scored)


def finished(zygote: Zygote, project: Project, arguments: list[str]) -> dict[str, Any]:
    """Run a command to its end; the JSON that it prints."""
    life = Life(str(project.folder), arguments)
    status = zygote.live(life)
    if status:
        said = life.said.read_text(errors="replace")[-3000:]
        raise ScenarioError(f"`freshet {' '.join(arguments)}` ended with {status}:\n{said}")
    report: dict[str, Any] = json.loads(life.printed.read_text())
    return report


def as_the_ledger_says(
    killing: Killing, scores: list[Score], report: dict[str, Any]
) -> Iterator[str]:
    """Each row is scored, refused or dropped as a repeat: one of them, once; the counts agree."""
    ledger = killing.ledger
    yield from differing("scores of each id", dict(ledger.ids), dict(Counter(s.id for s in scores)))
    topic = killing.project.topics().labels
    labels_refused = sum(place[0] == topic for place in ledger.refused)
    expected = {
        "events": ledger.rows,
        "labels": ledger.labels,
        "duplicates": ledger.repeats,
        "rejected": len(ledger.refused) - labels_refused,
        "labels_rejected": labels_refused,
    }
    yield from differing("counts", expected, {name: report[name] for name in expected})
    outcomes = ("learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
    if report["events"] != sum(report[name] for name in outcomes):
        yield f"the events do not add up: {report}"
    joined = ("joined", "rejected", "duplicates", "late", "expired", "waiting")
    if report["labels"] != sum(report[f"labels_{name}"] for name in joined):
        yield f"the labels do not add up: {report}"


def sound_snapshots(project: Project) -> Iterator[str]:
    """Every snapshot that the registry names is whole, and once collected nothing else is left."""
    store = project.snapshots()
    with project.registry() as registry:
        there: list[Checkpoint] = [v for v in registry.versions.all() if v.state != "thinned"]
        point = registry.versions.resume_point()
        for checkpoint in [*there, *([] if point is None else [point])]:
            try:
                with store.open(checkpoint.snapshot):
                    pass
            except Exception as error:
                yield f"a torn snapshot: {error}"
        broken = [e.reason for e in registry.ledger.entries() if e.action == "refuse"]
        store.collect_orphans(registry.versions.folders, 0)
        named = registry.versions.folders()
    found = {path.name for path in store.folder.iterdir() if path.is_dir()}
    if broken:
        yield f"snapshots were found broken: {broken[:SHOWN]}"
    yield from (f"an orphan is left: {name}" for name in sorted(found - named)[:SHOWN])
    yield from (f"a named folder is gone: {name}" for name in sorted(named - found)[:SHOWN])


def replay(zygote: Zygote, project: Project) -> tuple[dict[str, Any], Scored]:
    """The journal's replay from nothing: its report and its scores."""
    arguments = ["backfill", "log", "--json", "--scores", "replayed.csv", *ALL_MAY_BE_BAD]
    report = finished(zygote, project, arguments)
    with (project.folder / "replayed.csv").open(newline="") as file:
        rows = csv.DictReader(file)
        scored = {
            (int(r["partition"]), int(r["offset"]), int(r["row"])): (
                r["id"],
                float(r["score"]),
                int(r["lessons"]),
            )
            for r in rows
        }
    return report, scored


def as_without_kills(
    killing: Killing, zygote: Zygote, model: str, report: dict[str, Any], scored: Scored
) -> Iterator[str]:
    """Another model learns the same topics in one go."""
    killed = killing.project
    folder = killed.folder.with_name(f"{killed.folder.name}-unharmed")
    project = project_of(killing.scenario, folder, killed.settings.log, model, killed.model)
    plain = finished(zygote, project, ["learn", "--until-end", "--json", *ALL_MAY_BE_BAD])
    its_scores = {
        (s.partition, s.offset, s.row): (s.id, s.score, s.lessons) for s in project.scores()
    }
    yield from same_report("a run without kills", plain, report)
    yield from differing("scores of a run without kills", its_scores, scored)
    letters = {(d.topic, d.partition, d.offset, d.row): d.reason for d in project.dead_letters()}
    yield from differing("dead letters without kills", letters, killing.ledger.refused)


def same_report(what: str, expected: dict[str, Any], found: dict[str, Any]) -> Iterator[str]:
    """Model, measures and counts, to the last bit."""
    names = (expected.keys() | found.keys()) - OF_THE_RUN
    one, other = ({n: report.get(n) for n in names} for report in (expected, found))
    yield from differing(what, one, other)


def differing(what: str, expected: dict[Any, Any], found: dict[Any, Any]) -> Iterator[str]:
    """One sentence with the first few differences, if there are any."""
    if expected == found:
        return
    keys = [k for k in expected.keys() | found.keys() if expected.get(k) != found.get(k)]
    shown = "; ".join(
        f"{key}: {found.get(key)!r} instead of {expected.get(key)!r}"
        for key in sorted(keys, key=str)[:SHOWN]
    )
    yield f"{what}: {len(keys)} differ ({shown})"
