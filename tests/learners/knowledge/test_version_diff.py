"""How two versions differ: weights, what made them, and what they say of a row."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from converters.errors import UsageError
from learners.knowledge.asked_row import line_of
from learners.knowledge.version_diff import diff_json, row_json
from learners.knowledge.version_weights import KnownVersion, known_version
from learners.versions.own_schema import KnownSchemas
from tests.support.serving.project import Project, csv_text, flights

ROW = '{"carrier": "AX", "origin": "", "hour": 23, "distance": 900}'


CALIBRATED = '[calibration]\nmethod = "platt"\nwindow = 200\nevery = 50\n'


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model of two versions; a third has other arguments, a fourth another column too."""
    project = Project(tmp_path_factory.mktemp("p"), args="-b 16", more=CALIBRATED)
    rows = flights(900)
    for part in (rows[:500], rows[500:]):
        project.produce(project.write_csv(part), label_time="landed")
        project.learn()
    wider = project.edited(('args = "-b 16"', 'args = "-b 17 --coin"'))
    assert wider.backfill(fresh=True)["version"] == 3
    other = wider.edited(('hour = { kind = "categorical" }', 'hour = { kind = "numeric" }'))
    assert other.backfill(fresh=True)["version"] == 4
    return project


def opened(project: Project, numbers: tuple[int, int], stack: ExitStack) -> list[KnownVersion]:
    """Two versions, open until the stack ends."""
    with project.registry() as registry:
        known = KnownSchemas(registry, project.schema)
        found = [registry.versions.find(number) for number in numbers]
        parts = [(version, known.of(version)) for version in found]
    return [stack.enter_context(known_version(project.snapshots(), *each)) for each in parts]


def compared(project: Project, *numbers: int) -> dict[str, Any]:
    """What is said of two versions, and of a row."""
    with ExitStack() as stack:
        one, other = opened(project, (numbers[0], numbers[1]), stack)
        lines = [line_of(ROW, project.settings, each.schema) for each in (one, other)]
        row = row_json(one, other, (lines[0], lines[1]), project.settings)
        return diff_json(one, other, 10_000, row)


def test_weights_of_one_lineage_are_compared_by_hash(project: Project) -> None:
    """All that changed, the largest change first, each with its name."""
    told = compared(project, 1, 2)
    assert told["compared_by"] == "hash"
    counts = told["weights"]
    assert len(told["largest"]) == counts["new"] + counts["gone"] + counts["changed"] > 100
    changes = [abs(each["change"]) for each in told["largest"]]
    assert changes == sorted(changes, reverse=True)
    assert all(each["name"] for each in told["largest"])
    with ExitStack() as stack:
        one, other = opened(project, (1, 2), stack)
        for known, which in ((one, "from"), (other, "to")):
            of = known.weights.largest(20_000)
            weights = {known.columns.to_json(each)["name"]: each.weight for each in of}
            for each in told["largest"]:
                assert each[which] == weights.get(each["name"], 0.0)
    said = {each["what"] for each in told["metadata"]}
    assert {"parent", "learned", "created"} <= said
    assert not {"arguments", "schema", "column hour"} & said


@pytest.mark.parametrize("other", [3, 4])
def test_other_models_are_compared_by_name(project: Project, other: int) -> None:
    """Arguments and columns that differ are told; a name has the weight that each gives it."""
    told = compared(project, 2, other)
    assert told["compared_by"] == "name"
    said = {each["what"]: each for each in told["metadata"]}
    assert said["arguments"]["to"] == ["--coin", "--bit_precision 17"]
    assert ("column hour" in said) == (other == 4)
    assert told["remarks"]
    by_name = {each["name"]: each for each in told["largest"]}
    assert by_name["carrier=AX"]["from"] != by_name["carrier=AX"]["to"] != 0
    assert ("hour=23" in by_name) == (by_name["hour=23"]["from"] != 0)
    assert (by_name["hour=23"]["to"] == 0) == (other == 4)


@pytest.mark.parametrize("other", [2, 3, 4])
def test_a_row_adds_up(project: Project, other: int) -> None:
    """What columns add differently, and what is beside them, is the difference of the scores."""
    row = compared(project, 1, other)["row"]
    moved = [each["change"] for each in (*row["columns"], *row["beside"])]
    assert math.fsum(moved) == pytest.approx(row["log_odds"]["change"], abs=1e-9)
    for which in ("from", "to"):
        score = row["score"][which]
        assert math.log(score / (1 - score)) == pytest.approx(row["log_odds"][which], abs=1e-5)
    assert {each["what"]: each["change"] for each in row["beside"]}["calibration"] != 0
    assert {each["what"] for each in row["columns"]} == {"carrier", "origin", "hour", "distance"}


def test_a_row_is_json_or_the_first_of_a_file(project: Project, tmp_path: Path) -> None:
    """A refused one says why."""
    path = tmp_path / "rows.csv"
    path.write_text(csv_text([["f", "1357016400", "0", "AX", "", "23", "900", "5"]]))
    of = project.settings, project.schema
    assert line_of(str(path), *of) == line_of(ROW, *of)
    with pytest.raises(UsageError, match="not-a-number in column 'distance'"):
        line_of('{"carrier": "AX", "origin": "", "hour": 1, "distance": "far"}', *of)
