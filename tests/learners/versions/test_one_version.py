"""``freshet show`` without ``--json``: one version, as a person reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from learners.commands.versions import show
from learners.versions.one_version import served_times
from tests.support.learning.measured_models import MeasuredModel, lessons, measured_model
from tests.support.learning.measured_models import run as run_on
from tests.support.serving.project import Project, flights


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A learned version, and one of a file that is pinned in its place."""
    project = Project(tmp_path_factory.mktemp("show") / "p")
    path = project.write_csv(flights(600))
    project.produce(path)
    project.append(b"not,a,row")
    project.learn()
    made = project.backfill(path)
    with project.registry() as registry:
        registry.serving.pin("promote", made["version"], "history", "me")
    return project


def run(project: Project, *arguments: str) -> str:
    """What ``freshet show`` prints."""
    model = MeasuredModel(project, evaluator=None)  # type: ignore[arg-type]
    return run_on(model, *arguments, command=show).stdout


def facts(text: str) -> dict[str, str]:
    """The facts before the tables."""
    lines = text.partition("\n\nMeasures")[0].partition("\n\n")[2]
    joined = re.sub(r"\n {14}", " ", lines)
    return {line[2:14].strip(): line[14:] for line in joined.splitlines()}


def test_what_a_person_asks_first_is_in_plain_lines(learned: Project) -> None:
    """State, lineage, learner, columns, counts and positions; no JSON."""
    told = facts(run(learned, "1"))
    full = json.loads(run(learned, "1", "--json"))
    assert told["state"].startswith("verified")
    assert told["created"] == full["created_at"]
    assert told["parent"] == "none; lineage 1 (learn)"
    assert told["learner"] == "Vowpal Wabbit: " + " ".join(full["learner"]["args"])
    assert told["columns"] == f"8 columns, schema {full['schema_hash'][:12]}"
    assert told["events"] == "601: 600 learned, 1 rejected"
    assert "flights.events:0:" in told["positions"]
    assert told["model"] == full["model_sha256"]


def test_it_says_from_when_until_when_a_version_was_served(learned: Project) -> None:
    """One that was replaced has an end; one that is pinned is served until now."""
    first, second = (facts(run(learned, number)) for number in ("1", "2"))
    with learned.registry() as registry:
        moves = [e for e in registry.ledger.entries() if e.from_version != e.to_version]
    assert len(moves) == 2
    assert re.fullmatch(r"\S+Z to \S+Z", first["served"])
    assert re.fullmatch(r"\S+Z to now", second["served"])
    assert "served, pinned" in second["state"]
    assert "the learner's newest" in first["state"]
    assert served_times(3, []) == []


def test_measures_stand_over_all_labels_and_the_newest(learned: Project) -> None:
    """Each view in a line, with the figures of ``--json``."""
    text, metrics = run(learned, "1"), json.loads(run(learned, "1", "--json"))["metrics"]
    for words, of in (
        ("all labels", metrics),
        ("last labels", metrics["window"]),
        ("newest event time", metrics["recent"]),
    ):
        (line,) = (line for line in text.splitlines() if line.startswith(f"  {words}"))
        figures = [f"{of[name]:.4f}" for name in ("base_rate", "log_loss", "auc")]
        assert line.split()[-6:-2] == [f"{of['count']:,}", *figures]


def test_weights_are_named_by_column_and_value(learned: Project) -> None:
    """The largest first, with their sign."""
    weights = json.loads(run(learned, "1", "--json"))["largest_weights"]
    lines = run(learned, "1").partition("Largest weights")[2].splitlines()[2:]
    assert [line.split() for line in lines] == [[n, f"{w:+.4f}"] for n, w in weights.items()]


def test_a_thinned_version_still_shows_its_totals(tmp_path: Path) -> None:
    """Its files are gone, which the state says; there are no weights."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(100))
    for parent in (None, 1, 2):
        made.save(100, parent)
    with made.project.registry() as registry:
        gone = registry.writer.mark_thinned(registry.writer.thinnable(1))
    thinned = [each.version for each in gone]
    text = run(made.project, str(thinned[0]))
    assert "thinned: its files were deleted by retention" in facts(text)["state"]
    assert "all labels" in text
    assert "Largest weights" not in text
