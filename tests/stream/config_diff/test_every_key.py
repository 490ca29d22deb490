"""Every key of the config: what ``config diff`` says of a change, and that it is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.changes.costs import Cost, consequence
from tests.stream.config_diff import edited_configs
from tests.stream.config_diff.edited_configs import edited, named, write
from tests.support.config_keys import KEYS
from tests.support.serving.command import freshet

# VW does not heed them; with river they make another model: see below.
IDLE = tuple(key for key in KEYS if key.startswith("learner.river."))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has learned."""
    folder = tmp_path_factory.mktemp("model")
    write(folder, edited_configs.base()).rename(folder / "freshet.toml")
    (folder / "rows.csv").write_text(edited_configs.rows(), encoding="utf-8")
    for command in ("produce rows.csv", "learn --until-end --json"):
        done = freshet(*command.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["learned"] == 60
    return folder


def diff(folder: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit status and answer of ``config diff`` of the edited config."""
    done = freshet("config", "diff", "--json", "--config", "edited.toml", *arguments, cwd=folder)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_unchanged(home: Path) -> None:
    """The config as it was: nothing differs."""
    write(home, edited_configs.base())
    status, said = diff(home)
    assert (status, said["changes"], said["cost"]) == (0, [], "nothing")


@pytest.mark.parametrize("key", KEYS)
def test_a_change_is_told_with_its_cost(home: Path, key: str) -> None:
    """Key, old and new value, cost and command; exit status 1 where the learner would refuse."""
    write(home, edited(key))
    status, said = diff(home)
    cost = Cost.NOTHING if key in IDLE else consequence(key).cost
    change = said["changes"][-1]
    if key == "shadow.name":
        assert [each["key"] for each in said["changes"]] == ["shadow.plain", "shadow.other"]
    else:
        assert [each["key"] for each in said["changes"]] == [named(key)]
        assert change["words"].startswith(f"{named(key)}: ")
    assert change["old"] != change["new"]
    assert change["cost"] == said["cost"] == cost
    assert change["effect"]
    assert (status == 1) is said["must_act"] is (cost in (Cost.LINEAGE, Cost.MODEL))
    rebuild = "freshet backfill --config edited.toml log --fresh --promote --follow"
    assert (change["command"] == rebuild) is (cost is Cost.LINEAGE)
    assert said["commands"] == (
        [rebuild, "freshet learn --config edited.toml"] if cost is Cost.LINEAGE else []
    )
