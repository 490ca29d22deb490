"""``freshet compare``: who is better than the served score, by how much, how surely."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.errors import UsageError
from converters.show.tables import moment
from learners.commands.report import report
from learners.comparison.compare import compare as compared
from stream.commands.compare import compare
from tests.support.learning.measured_models import (
    BEGAN,
    MeasuredModel,
    lessons,
    measured_model,
    rows,
    run,
)

WINDOWS = {"window": 500, "window_seconds": 86_400.0}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MeasuredModel:
    """A model of 600 lessons; the shadow came with the second half."""
    made = measured_model(tmp_path_factory.mktemp("compare"))
    made.evaluator.take(lessons(600))
    made.save(600)
    return made


def found(model: MeasuredModel, *arguments: str) -> dict[str, Any]:
    """The comparisons as JSON, which is all of standard output."""
    content: dict[str, Any] = json.loads(run(model, "--json", *arguments, command=compare).stdout)
    return content


def one(model: MeasuredModel, name: str) -> dict[str, Any]:
    """The comparison with one contender."""
    (comparison,) = found(model, "--against", name)["comparisons"]
    assert isinstance(comparison, dict)
    return comparison


def test_every_contender_is_compared_with_the_served_score(model: MeasuredModel) -> None:
    """Frozen copy, base rate, raw score and shadow, by the statistics of the window's lessons."""
    told = found(model)
    kept = model.evaluator.window_lessons()
    assert told["window"] == kept.positive.size == 500
    assert {each["name"] for each in told["comparisons"]} == set(kept.scores) - {"score"}
    settings = model.project.settings
    for each in told["comparisons"]:
        expected = compared(
            *(kept.scores[each["name"]], kept.scores["score"], kept.positive, kept.amounts),
            *(0.95, settings.value, settings.threshold),
        ).to_json()
        assert {key: each[key] for key in expected} == json.loads(json.dumps(expected))


def test_lessons_without_one_of_the_scores_do_not_count(model: MeasuredModel) -> None:
    """A shadow that came later is compared where both have a score."""
    assert one(model, "deep")["count"] == 300
    assert one(model, "raw")["count"] == 500


def test_the_base_rate_is_told_to_be_worse(model: MeasuredModel) -> None:
    """The sentence says who, by how much, and with what interval; the table has the numbers."""
    text = " ".join(run(model, "--against", "base_rate", command=compare).stdout.split())
    loss = one(model, "base_rate")["differences"]["log_loss"]
    assert loss["better"] == "b"
    assert (
        f"The base rate is worse than the served score: log loss higher by {loss['difference']:.4f}"
        in text
    )
    assert f"({loss['low']:.4f} to {loss['high']:.4f})" in text
    assert "95 % intervals" in text


def test_the_table_has_a_row_for_each_measure(model: MeasuredModel) -> None:
    """Log loss, Brier, AUC and value, each with both numbers, interval, p and verdict."""
    text = run(model, "--against", "raw", command=compare).stdout
    lines = text.split("\n\n", maxsplit=1)[0].splitlines()[3:]
    differences = one(model, "raw")["differences"]
    assert len(lines) == len(differences) == 4
    for line, (name, difference) in zip(lines, differences.items(), strict=False):
        assert f"{difference['a']:.4f}" in line, name
        assert ("<0.001" in line) == (difference["p"] <= 0.001), name
    assert rows(text, "Against the served score")["raw (the learner's own)"][-1] in (
        "better",
        "worse",
        "no different",
    )


def test_a_score_against_itself_shows_no_difference(tmp_path: Path) -> None:
    """A frozen copy that is still the learner itself is neither better nor worse."""
    made, given = measured_model(tmp_path), lessons(100)
    same = {**given.scores, "static": given.scores["score"]}
    made.evaluator.take(replace(given, scores=same))
    made.save(100)
    assert all(d["better"] is None for d in one(made, "static")["differences"].values())
    text = run(made, "--against", "static", command=compare).stdout
    assert "no difference can be told" in " ".join(text.split())


def test_a_frozen_copy_counts_from_its_freeze_on(tmp_path: Path) -> None:
    """What it is given for events before that is the learner's score, and says nothing of it."""
    made, given = measured_model(tmp_path), lessons(400)
    freeze = int(given.arrived[250])
    before = given.arrived < freeze
    static = np.where(before, given.scores["score"], given.scores["static"])
    made.evaluator.take(replace(given, scores={**given.scores, "static": static}))
    made.save(400, static={"since": freeze})
    told, kept = one(made, "static"), made.evaluator.window_lessons()
    settings, a, b = made.project.settings, kept.scores["static"], kept.scores["score"]
    expected = compared(
        *(a[250:], b[250:], kept.positive[250:], kept.amounts[250:]),
        *(0.95, settings.value, settings.threshold),
    ).to_json()
    assert {key: told[key] for key in expected} == json.loads(json.dumps(expected))
    assert told["count"] == 150
    assert told["since"] == moment(freeze)
    text = " ".join(run(made, "--against", "static", command=compare).stdout.split())
    assert f"(150 labels of events since {moment(freeze)}, 95 % intervals)" in text
    assert one(made, "raw")["count"] == 400


def test_a_copy_of_an_older_release_counts_from_the_configured_time_on(tmp_path: Path) -> None:
    """Its checkpoint does not say when it was taken; what it was measured by does."""
    made, given = measured_model(tmp_path), lessons(400)
    made.evaluator.take(given)
    made.save(400, static={}, measured_by={**WINDOWS, "static_after": moment(BEGAN + 10**8)})
    assert one(made, "static")["count"] == np.count_nonzero(given.arrived >= BEGAN + 10**8)


def test_an_unknown_name_is_answered_with_those_there_are(model: MeasuredModel) -> None:
    """A wrong ``--against`` is wrong usage, and the message lists what can be named."""
    with pytest.raises(UsageError, match=r"--against nobody.*base_rate.*deep"):
        run(model, "--against", "nobody", command=compare)


def test_the_served_score_is_what_all_are_compared_with(model: MeasuredModel) -> None:
    """``--against score`` is told so, rather than that there were no such score."""
    with pytest.raises(UsageError, match=r"what all others are compared with.*base_rate"):
        run(model, "--against", "score", command=compare)


def test_labels_of_one_class_are_said_to_be_too_few(
    tmp_path: Path,
) -> None:
    """Where a measure cannot be compared, the reason stands in its place."""
    made = measured_model(tmp_path)
    made.evaluator.take(replace(lessons(60), positive=np.zeros(60, dtype=np.bool_)))
    made.save(60)
    assert one(made, "raw")["differences"]["auc"]["reason"]
    assert "positive labels (0)" in run(made, command=compare).stdout


def test_without_labels_nothing_is_compared(tmp_path: Path) -> None:
    """One line on which version, one that says so; one JSON document with an empty window."""
    made = measured_model(tmp_path)
    made.save(0)
    about, said = run(made, command=compare).stdout.splitlines()
    assert about == "Contenders of model 'flights', version 1"
    assert said.startswith("Nothing to compare yet")
    assert found(made)["window"] == 0


@pytest.mark.parametrize("command", [compare, report])
def test_a_shadow_that_has_failed_is_told(tmp_path: Path, command: Callable[..., None]) -> None:
    """Its past is still compared, and why there is no more of it is said."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(100))
    made.save(
        100, shadows={"deep": {"kind": "vw", "trouble": "out of memory\x1b"}, "ok": {"trouble": ""}}
    )
    text = " ".join(run(made, command=command).stdout.split())
    failed = "The shadow 'deep' has failed and is disabled (rename it to restart it)"
    assert rf"{failed}: out of memory\x1b" in text
    assert "'ok'" not in text
