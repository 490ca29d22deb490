"""Reports on few labels: nothing that is chance is shown as a figure, and gaps are gaps."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learners.metrics.arrays import IntArray
from tests.support.learning.measured_models import (
    BEGAN,
    MeasuredModel,
    lessons,
    measured_model,
    run,
)

DAY = 86_400_000


def arrivals(per_day: Sequence[int]) -> IntArray:
    """The times of so many events each day."""
    return np.array([BEGAN + day * DAY for day, n in enumerate(per_day) for _ in range(n)])


def of(folder: Path, arrived: IntArray, *, one_class: bool = False) -> MeasuredModel:
    """A model that has measured labels of events at these times."""
    made = measured_model(folder)
    count = arrived.size
    if count:
        taken = replace(lessons(count), arrived=arrived, known=arrived + 60_000)
        if one_class:
            taken = replace(taken, positive=np.zeros(count, dtype=np.bool_))
        made.evaluator.take(taken)
    made.save(count)
    return made


def section(text: str, title: str) -> str:
    """A section of the printed report, without its title; empty if it is not there."""
    found = re.search(
        rf"^{title}\n-+\n(.*?)(?:\n\n[A-Z][^\n]*\n-+\n|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


def curves(model: MeasuredModel) -> list[list[str]]:
    """The lines of the printed table of curves, without its head."""
    told = section(run(model).stdout, "Over event time")
    return [
        re.split(r"\s{2,}", line.strip()) for line in told.split("Curves:\n")[1].splitlines()[1:]
    ]


def document(model: MeasuredModel) -> dict[str, Any]:
    """The report as JSON."""
    found: dict[str, Any] = json.loads(run(model, "--json").stdout)
    return found


def page(model: MeasuredModel, folder: Path) -> str:
    """The report as a page."""
    html = folder / "report.html"
    run(model, "--html", str(html))
    return html.read_text(encoding="utf-8")


@pytest.mark.parametrize("count", [1, 5, 29])
def test_a_handful_of_labels_is_told_to_be_one(tmp_path: Path, count: int) -> None:
    """Cumulative figures with a word of warning; no curve, no bins, no groups."""
    made = of(tmp_path, arrivals([1] * count))
    told = run(made).stdout
    labels = "1 label" if count == 1 else f"{count} labels"
    flat = " ".join(told.split())
    assert f"{labels} so far: these figures are mostly chance." in flat
    assert f"Too few labels for a curve: {labels}; each point needs 30." in flat
    for spread in ("Calibration", "Scores", "Slices", "Versions", "Curves:"):
        assert f"\n{spread}" not in told
    assert "<svg" not in page(made, tmp_path).split("Delay of labels")[0].split("Value")[0]


def test_thirty_labels_are_one_point(tmp_path: Path) -> None:
    """One line of figures, over all the days that it took, and no picture of a single point."""
    made = of(tmp_path, arrivals([3] * 10))
    (point,) = curves(made)
    assert point[:3] == ["2013-01-01T00:00:00Z", "2013-01-11T00:00:00Z", "30"]
    assert "in periods of 10 days, since those of 1 day hold too few labels" in " ".join(
        run(made).stdout.split()
    )
    assert ">log loss</figcaption>" not in page(made, tmp_path).lower()


def test_periods_widen_by_themselves(tmp_path: Path) -> None:
    """Five a day: the table, the words, the JSON and the page say the periods that they show."""
    made = of(tmp_path, arrivals([5] * 40))
    shown, found = curves(made), document(made)
    assert all(int(line[2]) >= 30 for line in shown)
    assert not any("too few" in line[3] for line in shown)
    entries, curve = found["measures"]["periods"], found["curve"]
    assert [line[2] for line in shown] == [str(entry["count"]) for entry in entries]
    assert curve["asked_ms"] == curve["measured_ms"] == DAY
    assert curve["joined"]
    spans = sorted({(entry["end"] - entry["start"]) // DAY for entry in entries})
    words = f"in periods of {spans[0]} days to {spans[-1]} days"
    assert words in " ".join(run(made).stdout.split())
    assert words in page(made, tmp_path)


def test_a_stretch_without_labels_is_a_gap(tmp_path: Path) -> None:
    """A line of its own without figures, no zero, and a line that breaks in the picture."""
    made = of(tmp_path, arrivals([80] * 3 + [0] * 5 + [80] * 3))
    shown = curves(made)
    assert [line[1] for line in shown] == [*["80"] * 3, "none", *["80"] * 3]
    assert set(shown[3][2:]) == {"no labels"}
    assert "no labels from 2013-01-04T00:00:00Z to 2013-01-09T00:00:00Z" in " ".join(
        run(made).stdout.split()
    )
    (gap,) = document(made)["curve"]["gaps"]
    assert gap["end"] - gap["start"] == 5 * DAY
    content = page(made, tmp_path)
    for title in ("Log loss", "AUC", "Labels per day"):
        (picture,) = re.findall(rf"<figcaption>{title}</figcaption>(<svg.*?</svg>)", content)
        (path,) = re.findall(r'<path class="line0" d="(M[^"]*L[^"]*)"/>', picture)
        assert path.count("M") == 2
        assert path.count("L") == 4


@pytest.mark.parametrize("size", [10, 40])
def test_two_clusters_a_year_apart_are_two(tmp_path: Path, size: int) -> None:
    """They are not one point, and no line leads from one to the other."""
    made = of(tmp_path, arrivals([size] + [0] * 364 + [size]))
    found = document(made)
    assert [entry["count"] for entry in found["measures"]["periods"]] == [size, size]
    (gap,) = found["curve"]["gaps"]
    assert gap["end"] - gap["start"] == 364 * DAY
    if size < 30:
        assert "20 labels, in 2 stretches of time with gaps between" in run(made).stdout
    else:
        assert [line[1] for line in curves(made)] == ["40", "none", "40"]


def test_a_few_labels_beyond_a_gap_have_no_figure(tmp_path: Path) -> None:
    """They are counted and said to be too few; the curve of the others ends before the gap."""
    made = of(tmp_path, arrivals([80] * 3 + [0] * 30 + [4]))
    *_, gap, last = curves(made)
    assert (gap[1], last[1]) == ("none", "4")
    assert set(last[2:]) == {"too few"}
    words = "one point per day. 1 period has too few labels for a point."
    assert words in " ".join(run(made).stdout.split())
    content = page(made, tmp_path)
    (picture,) = re.findall(r"<figcaption>Log loss</figcaption>(<svg.*?</svg>)", content)
    assert 'class="dot' not in picture
    assert document(made)["measures"]["periods"][-1]["enough"] is False


def test_labels_of_one_class_have_a_curve_of_what_they_say(tmp_path: Path) -> None:
    """A log loss for each day, and in place of an AUC why there is none."""
    made = of(tmp_path, arrivals([40] * 4), one_class=True)
    shown = curves(made)
    assert len(shown) == 4
    assert all(float(line[2]) >= 0 for line in shown)
    assert all("only negative" in line for line in shown)


def test_an_area_of_a_few_of_one_class_is_not_shown(tmp_path: Path) -> None:
    """Nine positive labels do not decide how long the periods are, and no AUC stands on two."""
    made = measured_model(tmp_path)
    arrived = arrivals([60] * 5)
    positive = np.arange(arrived.size) % 34 == 0
    made.evaluator.take(
        replace(lessons(300), arrived=arrived, known=arrived + 1, positive=positive)
    )
    made.save(300)
    shown = curves(made)
    assert len(shown) == 5
    assert all("too few" in line for line in shown)


def test_labels_at_one_moment_are_one_point(tmp_path: Path) -> None:
    """Two hundred labels of one time: figures, and no axis around a single time."""
    made = of(tmp_path, arrivals([200]))
    ((start, count, *_),) = curves(made)
    assert (start, count) == ("2013-01-01T00:00:00Z", "200")
    assert "<figcaption>Log loss</figcaption>" not in page(made, tmp_path)
