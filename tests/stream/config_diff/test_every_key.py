"""Every key of the config: what ``config diff`` says of a change, and that it is so."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from converters.changes.costs import Cost, consequence
from converters.config.load import load
from converters.schema.schema import from_settings
from learners.registry import Registry
from learners.registry.row_types import Lineage
from learners.snapshots.store import SnapshotStore
from stream.checkpoints import checkpoint
from stream.checkpoints.same_model import ChangedModelError, check_same
from stream.resolved_config import ResolvedConfig, fixed, resolve
from tests.stream.config_diff import edited_configs
from tests.stream.config_diff.edited_configs import base, edited, named, write
from tests.support.config_keys import KEYS
from tests.support.serving.command import freshet

# VW does not heed them; with river they make another model: see below.
IDLE = tuple(key for key in KEYS if ".river." in key or ".forest." in key)


def cost_of(key: str) -> Cost:
    """What a change of it costs the model of these tests, by the table."""
    return Cost.NOTHING if key in IDLE else consequence(key).cost


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that has learned."""
    folder = tmp_path_factory.mktemp("model")
    write(folder, base()).rename(folder / "freshet.toml")
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
    write(home, base())
    status, said = diff(home)
    assert (status, said["changes"], said["cost"]) == (0, [], "nothing")


@pytest.mark.parametrize("key", KEYS)
def test_a_change_is_told_with_its_cost(home: Path, key: str) -> None:
    """Key, old and new value, cost and command; exit status 1 where the learner would refuse."""
    write(home, edited(key))
    status, said = diff(home)
    cost = cost_of(key)
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


def context_of(content: dict[str, Any], folder: Path) -> ResolvedConfig:
    """A config, as a learner takes it."""
    settings = load(write(folder, content))
    return resolve(settings, from_settings(settings))


def lineage_of(folder: Path) -> Lineage:
    """The model's lineage."""
    settings = load(folder / "freshet.toml")
    with closing(Registry(settings.registry, settings.model, read_only=True)) as registry:
        found = registry.versions.live_lineage()
    assert found is not None
    return found


@pytest.mark.parametrize("key", [key for key in KEYS if cost_of(key) is not Cost.MODEL])
def test_the_cost_is_true(home: Path, key: str) -> None:
    """A key that costs a new lineage has the learner refuse, by its name; no other key does."""
    context, lineage = context_of(edited(key), home), lineage_of(home)
    if cost_of(key) is Cost.LINEAGE:
        with pytest.raises(ChangedModelError, match=re.escape(f"{named(key)}: ")):
            check_same(context, lineage)
    else:
        check_same(context, lineage)


@pytest.mark.parametrize("key", [key for key in IDLE if key.startswith("learner.")])
def test_a_key_of_another_learner(home: Path, key: str) -> None:
    """Where river learns, its keys decide what is learned."""
    learned_by, now = (
        context_of(content, home) for content in (rivers(base()), rivers(edited(key)))
    )
    assert fixed(learned_by).learner != fixed(now).learner


def rivers(content: dict[str, Any]) -> dict[str, Any]:
    """The config with river as its learner."""
    content["learner"] |= {"kind": "river"}
    return content


@pytest.fixture
def copy(home: Path, tmp_path: Path) -> Path:
    """The model's folder, to be changed."""
    return Path(shutil.copytree(home, tmp_path / "copy"))


def learn(folder: Path) -> tuple[int, dict[str, Any]]:
    """Send 40 rows more and learn by the edited config: exit status and report."""
    text = edited_configs.rows(100).splitlines(keepends=True)
    (folder / "more.csv").write_text("".join([text[0], *text[61:]]), encoding="utf-8")
    freshet("produce", "more.csv", "--config", "edited.toml", cwd=folder)
    done = freshet("learn", "--until-end", "--json", "--config", "edited.toml", cwd=folder)
    return done.returncode, json.loads(done.stdout) if done.stdout else {"events": 0}


def test_the_model_goes_on_at_no_cost(copy: Path) -> None:
    """With every key that costs nothing, or a new evaluation, changed at once."""
    cheap = [key for key in KEYS if cost_of(key) in (Cost.NOTHING, Cost.EVALUATION)]
    write(copy, edited(*cheap))
    status, report = learn(copy)
    assert (status, report["events"], report["learned"]) == (0, 100, 100)
    assert lineage_of(copy) == lineage_of(copy.parent / "copy")
    assert diff(copy)[1]["changes"] == []


@pytest.mark.parametrize("key", [key for key in KEYS if cost_of(key) is Cost.MODEL])
def test_another_model(copy: Path, key: str) -> None:
    """Nothing of the model is gone on with: the learner refuses, or begins with nothing."""
    write(copy, edited(key))
    status, report = learn(copy)
    assert status != 0 or report["events"] in (0, 40)


def test_a_model_that_is_moved(copy: Path) -> None:
    """It goes on where folder, log, registry and snapshots are moved before the keys change."""
    content = base() | {
        "home": "elsewhere",
        "log": "sqlite:///logs/l.db",
        "registry": "sqlite:///r.db",
        "snapshots": "kept",
    }
    (copy / "logs").mkdir()
    for old, new in (("log.db", "logs/l.db"), ("registry.db", "r.db"), ("snapshots", "kept")):
        (copy / ".freshet" / old).rename(copy / new)
    (copy / ".freshet").rename(copy / "elsewhere")
    write(copy, content)
    assert diff(copy)[1]["cost"] == "nothing"
    assert learn(copy)[1]["events"] == 100


def measures(content: dict[str, Any], folder: Path) -> dict[str, Any]:
    """All that is measured, and of which shadows, once the model is resumed by a config."""
    context = context_of(content, folder)
    settings = load(folder / "freshet.toml")
    with closing(Registry(settings.registry, settings.model, read_only=True)) as registry:
        point = registry.versions.resume_point()
    assert point is not None
    store = SnapshotStore(Path(settings.snapshots))
    with (
        store.open(point.snapshot) as snapshot,
        closing(checkpoint.load(context, snapshot, point.lineage)) as pipeline,
    ):
        shadows = {shadow.name: shadow.begun for shadow in pipeline.scoring.shadows}
        values = pipeline.scoring.slices.values
        return {**pipeline.evaluator.details(values), "shadows": shadows}


@pytest.fixture(scope="module")
def measured(home: Path) -> dict[str, Any]:
    """All that is measured by the config as it was."""
    return measures(base(), home)


@pytest.mark.parametrize(
    "key",
    [
        key
        for key in KEYS
        # Intervals of another confidence are of the same sums.
        if cost_of(key) is Cost.NOTHING and key != "evaluation.confidence"
    ],
)
def test_no_measure_begins_anew(home: Path, measured: dict[str, Any], key: str) -> None:
    """A key that costs nothing leaves every measure as it is."""
    assert measures(edited(key), home) == measured


@pytest.mark.parametrize(
    "key",
    [
        key
        for key in KEYS
        # One is about a copy that is still to be taken.
        if cost_of(key) is Cost.EVALUATION and key != "evaluation.static_after"
    ],
)
def test_a_measure_begins_anew(home: Path, measured: dict[str, Any], key: str) -> None:
    """A key that costs a new evaluation has something measured otherwise."""
    assert measures(edited(key), home) != measured
