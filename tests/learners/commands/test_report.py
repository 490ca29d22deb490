"""``freshet report``: text, JSON and page say what the evaluator says, and why the rest is not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.converters.check.test_page import PAGE_TAGS, Page
from tests.support.learning.measured_models import (
    CARRIERS,
    MeasuredModel,
    lessons,
    measured_model,
    rows,
    run,
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MeasuredModel:
    """A model of 1,200 lessons, with versions after 600 and all of them."""
    made = measured_model(tmp_path_factory.mktemp("report"))
    made.evaluator.take(lessons(600))
    made.save(600)
    made.evaluator.take(lessons(600, seed=4, first=600))
    made.save(1200, parent=1)
    return made


def document(model: MeasuredModel, *arguments: str) -> dict[str, Any]:
    """The report as JSON: one document, and nothing else on standard output."""
    found: dict[str, Any] = json.loads(run(model, "--json", *arguments).stdout)
    return found


def details(model: MeasuredModel) -> dict[str, Any]:
    """What the evaluator says, as JSON would carry it."""
    found = model.evaluator.details({"carrier": CARRIERS})
    carried: dict[str, Any] = json.loads(json.dumps(found))
    return carried


def test_the_json_is_what_the_evaluator_says(model: MeasuredModel) -> None:
    """Every number of the newest checkpoint, to the last digit."""
    found = document(model)
    expected, curve = details(model), json.loads(json.dumps(model.evaluator.curve()))
    assert found["measures"] == expected | {"periods": curve.pop("periods")}
    assert found["curve"] == curve
    assert found["version"] == 2
    assert found["measures"]["count"] == 1200
    assert found["counts"]["learned"] == 1200


def test_an_earlier_version_is_reported_as_it_was(model: MeasuredModel) -> None:
    """``--version`` reads that version's own checkpoint."""
    before = document(model, "--version", "1")
    assert (before["version"], before["measures"]["count"]) == (1, 600)
    assert before["measures"]["log_loss"] != document(model)["measures"]["log_loss"]


def test_the_text_shows_every_contender_in_every_view(model: MeasuredModel) -> None:
    """Served score, frozen copy, base rate, raw and shadow, each with its own numbers."""
    text, found = run(model).stdout, details(model)
    reports = {
        "score (served)": found,
        "static (frozen copy)": found["static"],
        "base rate": found["contenders"]["base_rate"],
        "raw (the learner's own)": found["contenders"]["raw"],
        "deep": found["contenders"]["deep"],
    }
    everything, window = rows(text, "All 1,200 labels"), rows(text, "The last 500 labels")
    assert set(everything) == set(window) == set(reports)
    for name, numbers in reports.items():
        assert everything[name][0] == f"{numbers['count']:,}"
        assert everything[name][2] == f"{numbers['log_loss']:.4f}"
        assert window[name][2] == f"{numbers['window']['log_loss']:.4f}"
        assert window[name][3] == f"{numbers['window']['auc']:.4f}"
    faded = rows(text, "Exponentially weighted")
    assert faded["score (served)"][1] == f"{found['faded']['log_loss']:.4f}"


def test_slices_stand_worst_first_with_their_counts(model: MeasuredModel) -> None:
    """Each value of a sliced column, by falling log loss."""
    text = run(model).stdout
    shown = rows(text, "By carrier")
    slices = details(model)["slices"]["carrier"]
    assert sum(int(cells[0].replace(",", "")) for cells in shown.values()) == 1200
    losses = [float(cells[2]) for cells in shown.values()]
    assert losses == sorted(losses, reverse=True)
    assert shown["AA"][0] == str(next(e["count"] for e in slices if e["value"] == "AA"))


def test_a_hostile_value_breaks_neither_terminal_nor_page(
    model: MeasuredModel, tmp_path: Path
) -> None:
    """What a row holds is shown as text: no control character, no markup."""
    html = tmp_path / "report.html"
    printed = run(model, "--html", str(html))
    assert printed.stdout == ""
    assert printed.stderr == f"Report written to {html}.\n"
    text = run(model).stdout
    assert "<script>" in text
    found = Page(html.read_text(encoding="utf-8"))
    assert {tag for tag, _ in found.tags} <= PAGE_TAGS | {"figure", "figcaption"}
    assert "<script>alert(1)</script>" in "".join(found.text)
    for shown in (text, "".join(found.text)):
        assert not any(ord(c) < 32 and c != "\n" for c in shown)


def test_the_page_shows_the_same_numbers_and_stands_alone(
    model: MeasuredModel, tmp_path: Path
) -> None:
    """All measures, pictures with words, and nothing that is fetched."""
    html = tmp_path / "report.html"
    run(model, "--html", str(html))
    content, numbers = html.read_text(encoding="utf-8"), details(model)
    found = Page(content)
    for report_of in (numbers, numbers["static"], numbers["contenders"]["deep"]):
        assert f">{report_of['window']['auc']:.4f}<" in content
        assert f">{report_of['log_loss']:.4f}<" in content
    assert len(list(found.named("svg"))) >= 7
    assert all(each["aria-label"] for each in found.named("svg"))
    assert "default-src 'none'" in content
    assert not re.search(r"https?://|<script|<link|src=|url\(", content.replace("&lt;", "<!"))


def test_scores_are_shown_by_the_version_that_gave_them(model: MeasuredModel) -> None:
    """Groups of lessons name their versions and hold all lessons."""
    found = document(model)["versions"]
    assert sum(bucket["count"] for bucket in found) == 1200
    assert found[0]["versions"][0] is None
    assert found[-1]["versions"][-1] == (1 if found[-1]["to"] <= 1200 else 2)
    for bucket in found:
        assert (1 in bucket["versions"]) == (bucket["from"] < 1200 and bucket["to"] > 600)


def test_the_value_of_decisions_is_told(model: MeasuredModel) -> None:
    """Served, never, always and the frozen copy, the best threshold, the break-even."""
    text, found = run(model).stdout, details(model)
    shown = rows(text, "Value so far")
    for name, words in (("served", "as served"), ("always", "always acting")):
        assert shown[words][0] == f"{found['value'][name]:,.2f}"
    assert f"acting pays from {1 / 6:.4g} on" in text
    best = document(model)["measures"]["thresholds"]["best"]
    assert f"{best['value']:,.4f} an event" in " ".join(text.split())


def test_correcting_and_calibrating_show_their_effect(model: MeasuredModel) -> None:
    """The learner's own score beside the served one, and the change."""
    text, found = run(model).stdout, details(model)
    raw, score = found["contenders"]["raw"]["ece"], found["ece"]
    line = next(
        line for line in text[text.index("Raw and served") :].splitlines() if " ECE " in line
    )
    assert line.split()[-3:] == [f"{raw:.4f}", f"{score:.4f}", f"{score - raw:+.4f}"]


def test_counts_are_written_out_as_equations(model: MeasuredModel) -> None:
    """Events and labels, with all that became of them."""
    text = " ".join(run(model).stdout.split())
    assert "events 1,202 = learned 1,200 + waiting 2 + expired 0" in text
    assert "labels 1,200 = labels_joined 1,200." in text
    assert all(each["holds"] for each in document(model)["equations"])


def test_what_a_model_does_not_have_is_left_out(tmp_path: Path) -> None:
    """Without value, slices, frozen copy or shadows there is no section about them."""
    plain = measured_model(tmp_path, more="slices = []")
    one = lessons(100)
    kept = {name: one.scores[name] for name in ("score", "base_rate")}
    plain.evaluator.take(replace(one, scores=kept, slices=np.zeros((0, 100), dtype=np.int64)))
    plain.save(100)
    text = run(plain).stdout
    for absent in ("Value", "Slices", "Effect of", "frozen copy"):
        assert absent not in text
    for there in ("Measures", "Calibration", "Versions", "Delay of labels", "What became of"):
        assert there in text


def test_an_undefined_measure_says_why(tmp_path: Path) -> None:
    """Labels of one class have no AUC: the text says so, and the JSON at which places."""
    made = measured_model(tmp_path)
    made.evaluator.take(replace(lessons(50), positive=np.zeros(50, dtype=np.bool_)))
    made.save(50)
    assert rows(run(made).stdout, "All 50 labels")["score (served)"][3] == "only negative"
    undefined = document(made)["undefined"]
    assert undefined["auc"] == undefined["window.auc"] == "only negative"


def test_a_model_without_labels_is_told_in_a_paragraph(tmp_path: Path) -> None:
    """Nothing is measured yet: said once, with the counts, and no empty table."""
    made = measured_model(tmp_path)
    made.save(0)
    text = run(made).stdout
    assert "No label has been joined to its event yet" in text
    assert "What became of events and labels" in text
    assert "Calibration" not in text
    assert document(made)["measures"]["count"] == 0
    html = tmp_path / "none.html"
    run(made, "--html", str(html))
    assert "No label has been joined to its event yet" in html.read_text(encoding="utf-8")
