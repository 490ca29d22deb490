"""``freshet report`` tells what a checkpoint was measured with, and since when."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from learners.evaluation.evaluator import Evaluator
from tests.learners.commands.test_report import document
from tests.support.learning.measured_models import lessons, measured_model, run


def test_decisions_under_a_new_threshold_are_marked_everywhere(tmp_path: Path) -> None:
    """What counts only the lessons since says so: over all, faded, by group, value; no window."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(300))
    anew = replace(made.evaluator.measuring, threshold=0.6)
    made.evaluator = Evaluator.from_state(anew, made.evaluator.state())
    made.evaluator.take(lessons(100, first=300))
    made.save(400)
    text = run(made).stdout
    for title in ("All 400 labels", "Exponentially weighted", "By carrier", "By version", "By age"):
        head = text[text.index(title) :].splitlines()[1]
        assert "accuracy since example 300" in head, title
    for title in ("The last 400 labels", "of event time"):
        assert "since example" not in text[text.index(title) :].splitlines()[1]
    assert "Confusion since example 300" in text
    assert "labelled events since example 300." in text


def test_it_is_said_when_the_frozen_copy_was_taken(tmp_path: Path) -> None:
    """By the lessons before it, in text and JSON."""
    made = measured_model(tmp_path)
    part = lessons(1500)
    del part.scores["static"]
    made.evaluator.take(part)
    made.evaluator.fork("static")
    made.evaluator.take(lessons(10, first=1500))
    made.save(1510)
    assert document(made)["evaluation"]["static"] == {"from_lesson": 1500}
    shown = run(made).stdout
    assert "* The copy was frozen after 1,500 labelled examples" in shown
    rows = [row for row in shown.splitlines() if row.startswith("  static (frozen copy)")]
    assert [row.startswith("  static (frozen copy) *") for row in rows] == [True] * 5


def test_a_copy_whose_figures_are_all_since_its_freeze_is_not_marked(tmp_path: Path) -> None:
    """A window that lies behind the freeze has no figure of the learner in it."""
    made = measured_model(tmp_path)
    part = lessons(20)
    del part.scores["static"]
    made.evaluator.take(part)
    made.evaluator.fork("static")
    made.evaluator.take(lessons(600, first=20))
    made.save(620)
    shown = run(made).stdout
    window = shown[shown.index("The last 500 labels") :]
    row = next(row for row in window.splitlines() if "static (frozen copy)" in row)
    assert "*" not in row


def test_a_checkpoint_is_reported_as_it_was_measured(tmp_path: Path) -> None:
    """What was measured is reported, whatever threshold, periods or slices the config has now."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(100))
    made.save(100)
    before, file = document(made), made.project.config_file
    config = file.read_text(encoding="utf-8").replace(
        'slices = ["carrier"]', "half_life = 7\nperiod = 5"
    )
    file.write_text(f"{config}[serve]\nthreshold = 0.9\n", encoding="utf-8")
    after = document(made)
    assert after["measures"] == before["measures"]
    assert before["measures"]["slices"]["carrier"]
    changed = {each["setting"]: each for each in after["evaluation"].pop("changed")}
    assert before["evaluation"].pop("changed") == []
    assert after["evaluation"] == before["evaluation"]
    assert after["evaluation"]["slices"] == ["carrier"]
    period = changed["evaluation.period"]
    assert (period["measured"], period["config"]) == (86_400.0, 5.0)
    assert set(changed) == {
        *("evaluation.period", "evaluation.half_life", "evaluation.slices", "serve.threshold")
    }
    assert "evaluation.period (86400.0, now 5.0)" in " ".join(run(made).stdout.split())


def test_a_checkpoints_own_settings_are_reported(tmp_path: Path) -> None:
    """Windows and what was gathered are those that the manifest tells, not the config's."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(300))
    made.evaluator.take(lessons(100, first=300))
    then = {
        "window": 200,
        "window_seconds": 3600.0,
        "slice_values": 7,
        "static_after": "2013-01-02",
    }
    made.save(400, measured_by=then)
    found = document(made)
    assert found["measures"]["window"]["count"] == 200
    assert {name: found["evaluation"][name] for name in then} == then
    assert {"evaluation.window", "evaluation.slice_values", "evaluation.static_after"} <= {
        each["setting"] for each in found["evaluation"]["changed"]
    }


def test_curves_fit_a_terminal(tmp_path: Path) -> None:
    """The served score and two more stand in the table; the others are said to be elsewhere."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(300))
    made.save(300)
    text = run(made).stdout
    head = text[text.index("\nCurves") :].splitlines()[2]
    assert "log loss score" in head
    assert "log loss deep" not in head
    assert len(head) < 120
    told = " ".join(text.split())
    assert re.search(r"In the pictures and the JSON only: (raw, deep|deep, raw)\.", told)
