"""The report's section on input: refused, expired and late rows, absent and unseen cells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from learners.report.input_rows import input_of, input_section
from tests.support.learning.measured_models import MeasuredModel, lessons, measured_model, run

COUNTS = {
    "events": 210,
    "expired": 20,
    "duplicates": 1,
    "rejected": 10,
    "labels": 50,
    "labels_late": 20,
    "labels_rejected": 1,
    "labels_expired": 3,
}
METRICS: dict[str, Any] = {
    "rejected_reasons": {"events": {"bad-time": 2, "wrong-width": 8}, "labels": {"bad-label": 1}},
    "cells": {"rows": 200, "absent": {"applied": 200}, "unseen": {"purpose": 10}},
}
MADE = {"made_at": "2026-01-31T12:00:00.000Z"}


def test_every_reason_has_a_line_with_its_share() -> None:
    """Of events and of labels, the commonest first."""
    section = input_section(MADE | {"input": input_of(COUNTS, METRICS)})
    assert section is not None
    assert [row[:4] for row in section.tables[0].rows] == [
        ["events", "refused: wrong-width", "8", "3.8 %"],
        ["events", "refused: bad-time", "2", "1.0 %"],
        ["events", "expired", "20", "9.5 %"],
        ["events", "duplicates", "1", "0.5 %"],
        ["labels", "refused: bad-label", "1", "2.0 %"],
        ["labels", "late", "20", "40.0 %"],
        ["labels", "expired", "3", "6.0 %"],
    ]
    assert section.words[0] == "Counted as of the checkpoint of 2026-01-31T12:00:00Z."
    assert "20 labels came after the event had expired" in section.words[1]


def test_cells_are_counted_by_column() -> None:
    """Absent and unseen, as a share of the accepted rows; what is remarkable is said in words."""
    section = input_section(MADE | {"input": input_of(COUNTS, METRICS)})
    assert section is not None
    assert section.tables[1].rows == [
        ["applied", "200", "100.0 %", "0", "0.0 %"],
        ["purpose", "0", "0.0 %", "10", "5.0 %"],
    ]
    assert section.words[-1].startswith("None of 200 event rows has a value for a")


def test_a_release_that_did_not_count_cells_says_nothing_of_them() -> None:
    """Not counted is not none."""
    found = input_of(COUNTS, {})
    assert found["cells"] is None
    section = input_section(MADE | {"input": found})
    assert section is not None
    assert section.tables[1].rows == []
    assert ["events", "refused", "10", "4.8 %", "see the dead letters"] in section.tables[0].rows


@pytest.fixture
def model(tmp_path: Path) -> MeasuredModel:
    """A model whose counts say that rows were lost."""
    made = measured_model(tmp_path)
    made.evaluator.take(lessons(40))
    made.counts = {"events": 44, "expired": 2}
    made.save(40)
    return made


def test_text_json_and_page_have_it(model: MeasuredModel, tmp_path: Path) -> None:
    """The same figures in all three."""
    html = tmp_path / "report.html"
    run(model, "--html", str(html))
    text = " ".join(run(model).stdout.split())
    assert "events expired 2 4.5 % no label came within late_labels.wait" in text
    found = json.loads(run(model, "--json").stdout)["input"]
    assert (found["events"]["rows"], found["events"]["expired"]) == (44, 2)
    assert "<td>no label came within late_labels.wait</td>" in html.read_text(encoding="utf-8")
