"""``freshet init --from log``: a config's numbers anew from its log, and what that costs."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.serving.command import freshet
from tests.support.serving.project import DISTANCE, Project, flights

OLD = f"distance = {{ {DISTANCE} }}"
RAW = 'distance = { kind = "numeric" }'
# As ``init`` would write it for distances up to 3,000, with a remark.
EDGES = "[100, 400, 800, 1200, 1600, 2000, 2400]"
NEW = (
    'distance = { kind="numeric", max = 9e3, features=["scale","bins"], center = 1500, '
    f"scale = 850, edges = {EDGES} }}  # miles"
)
PROPOSED = ("init", "--from", "log", "--sample", "600", "-o", "proposed.toml")


def moved(count: int, by: int) -> list[list[str]]:
    """Flights, all of them longer by so much, a year later."""
    draw = random.Random(3)
    rows = flights(count, seed=draw.randrange(99))
    return [
        [f"m{row[0]}", str(int(row[1]) + 31_000_000), *row[2:6], str(int(row[6]) + by), row[7]]
        for row in rows
    ]


@pytest.fixture
def learned(tmp_path: Path) -> Project:
    """A model of flights with scale and bins."""
    project = Project(tmp_path / "p").edited((OLD, NEW))
    project.produce(project.write_csv(flights(700)))
    project.learn()
    return project


def test_where_nothing_has_moved_nothing_is_proposed(learned: Project) -> None:
    """No file is written."""
    result = freshet(*PROPOSED, cwd=learned.folder)
    assert result.returncode == 0
    assert "The newest 600 rows of flights.events, 2013-01-01T" in result.stderr
    assert "distance has not moved: the fullest of its 8 bins holds" in result.stderr
    assert "proposed.toml is not written" in result.stderr
    assert not (learned.folder / "proposed.toml").exists()


def test_what_has_moved_is_proposed_with_its_cost(learned: Project) -> None:
    """Only the numbers change; the diff says that the model is rebuilt, and how."""
    learned.produce(learned.write_csv(moved(600, 4_000)))
    before = learned.config_file.read_bytes()
    result = freshet(*PROPOSED, cwd=learned.folder)
    assert result.returncode == 0, result.stderr
    assert "distance moved: the fullest of its 8 bins holds 100% of the numbers" in result.stderr
    assert "    center: 1500 -> 5" in result.stderr
    assert "edges: [100, 400 … 2000, 2400] (7) -> [4" in result.stderr
    old, new = (
        (learned.folder / name).read_text("utf-8").splitlines()
        for name in ("freshet.toml", "proposed.toml")
    )
    (line,) = (a for a, b in zip(old, new, strict=True) if a != b)
    assert line == NEW
    (line,) = (b for a, b in zip(old, new, strict=True) if a != b)
    assert line.startswith(NEW.partition("center")[0])
    assert line.endswith("}  # miles")
    assert learned.config_file.read_bytes() == before
    told = result.stderr.splitlines()[-2]
    assert told == "What adopting it costs: freshet config diff --config proposed.toml"
    diff = freshet(*told.partition("freshet ")[2].split(), cwd=learned.folder)
    assert diff.returncode == 1
    assert f"columns.distance.edges: {EDGES} -> [4" in diff.stdout
    assert "a new lineage: the model is rebuilt from the log" in diff.stdout
    assert "freshet backfill --config proposed.toml log --fresh --promote --follow" in diff.stdout


def test_the_config_in_use_is_not_overwritten(learned: Project) -> None:
    """But with --force, in its own place."""
    learned.produce(learned.write_csv(moved(600, 6_000)))
    before = learned.config_file.read_bytes()
    result = freshet(*PROPOSED[:-2], cwd=learned.folder)
    assert "freshet.toml exists already; --force overwrites it" in result.stderr
    assert learned.config_file.read_bytes() == before
    result = freshet(*PROPOSED[:-2], "--force", cwd=learned.folder)
    assert result.returncode == 0
    assert learned.config_file.read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "log", "a.csv"), "leave out a CSV file"),
        (("--from", "log", "--label", "late"), "leave out --label"),
        (("--from", "log", "--time-format", "%Y", "--drop", "x"), "--time-format and --drop"),
        (("--from", "log", "--sample", "all"), "--sample 1 to 200,000"),
        (("a.csv", "--positive", "1"), "freshet init CSV --label COLUMN"),
        (("a.csv", "--label", "late"), "freshet init --from log"),
        (("a.csv", "--label", "x", "--positive", "1", "--config", "c"), "--config is for --from"),
    ],
)
def test_options_of_the_other_way_are_refused(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """Before anything is read."""
    result = freshet("init", *arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert said in result.stderr


def test_without_anything_to_propose(tmp_path: Path) -> None:
    """No log, a config without such numbers, a log without rows."""
    project = Project(tmp_path / "p").edited((OLD, RAW))
    assert "There is no log at" in freshet(*PROPOSED, cwd=project.folder).stderr
    project.topics()
    said = freshet(*PROPOSED, cwd=project.folder)
    assert said.returncode == 2
    assert "No numeric column of freshet.toml has center, scale or edges" in said.stderr
    project.edited((RAW, NEW))
    said = freshet(*PROPOSED, cwd=project.folder)
    assert said.returncode == 1
    assert "The topic flights.events has no rows" in said.stderr
    assert not (project.folder / "proposed.toml").exists()
