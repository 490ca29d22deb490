"""The forests are river's own; their files hold numbers, and are refused if they hold others."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from river import drift, forest

from converters.config import load
from converters.config.learning_settings import ForestSettings
from converters.errors import UsageError
from learners import choose
from learners.learner import LearnerSpec, NonFiniteError, WrongLearnerError
from learners.line_bounds import FOREST_MOST_WEIGHT, bounds_for
from learners.river.adaptive import DRIFT, MAX_DEPTH, NEVER, RATE, WARNING, Adaptive
from learners.river.arguments import forest_spec
from learners.river.mondrian import SEED, Mondrian
from tests.support.learning.learner_samples import labelled_lines, learning, saved_bytes

SPECS = {
    model: forest_spec(ForestSettings.model_validate({"model": model, "trees": 2, "max_nodes": 31}))
    for model in ("arf", "amf")
}
BOTH = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
Row = tuple[dict[int, float], bool]


def turning(rows: int) -> Iterator[Row]:
    """Rows of four numbers, of which the first tells the class; the other way round at half."""
    draw = random.Random(4)
    for number in range(rows):
        row = {at: draw.random() for at in range(4)}
        yield row, (row[0] > 0.5) == (number < rows / 2)


def test_adaptive_is_rivers_own() -> None:
    """Each score is what river's class gives that was made with the same arguments."""
    ours, rivers = (
        Adaptive(3, 9_999),
        forest.ARFClassifier(
            3,
            lambda_value=RATE,
            drift_detector=drift.ADWIN(DRIFT),
            warning_detector=drift.ADWIN(WARNING),
            max_depth=MAX_DEPTH,
            memory_estimate_period=NEVER,
            seed=SEED,
        ),
    )
    for row, positive in turning(600):
        if rivers.data:
            given: Any = rivers.predict_proba_one(row)
            assert ours.score(row) == min(max(given.get(True, 0.0), 0.001), 0.999)
        ours.learn(row, positive, 1.0)
        rivers.learn_one(row, positive)


@pytest.mark.parametrize("make", [Adaptive, Mondrian])
def test_it_goes_on_through_a_change(make: type[Adaptive | Mondrian]) -> None:
    """Restored every 100 rows, with trees in the background and replaced, it is as ever."""
    whole, stopping = make(2, 41), make(2, 41)
    behind, right = 0, []
    for number, (row, positive) in enumerate(turning(2_000)):
        if number % 100 == 0:
            state = orjson.loads(orjson.dumps(stopping.state()))
            stopping = make(2, 41)
            stopping.restore(state, 4)
            assert stopping.state() == whole.state() == state
            behind += any(member["background"] for member in state.get("members", ()))
        score = whole.score(row)
        assert stopping.score(row) == score
        right.append((score > 0.5) == positive)
        for each in (whole, stopping):
            each.learn(row, positive, 1.0)
    assert sum(right[500:1_000]) > 350
    if make is Adaptive:  # it forgets what has changed
        assert sum(right[-300:]) > 230
        assert behind


@BOTH
def test_columns_may_come_late(spec: LearnerSpec, tmp_path: Path) -> None:
    """After a first row without any, and others with one, the forest learns and goes on."""
    lines = ["1 |", "-1 | a=1", *labelled_lines(300)]
    with learning(spec, lines) as whole:
        content, stopping = saved_bytes(whole, tmp_path), choose.create(spec)
    for at, line in enumerate(lines):
        stopping.step([line])
        if at < 5 or at % 50 == 0:
            stopping.save(tmp_path / "model")
            stopping = choose.load(spec, tmp_path / "model")
    assert saved_bytes(stopping, tmp_path) == content
    low, high = stopping.predict(["| dist:4500 |b hour=0", "| dist:100 |a city=Bonn |b hour=5"])
    assert low != high


@pytest.mark.parametrize("model", ["arf", "amf"])
def test_trees_stop_growing(model: str, tmp_path: Path) -> None:
    """No tree has more nodes than the config lets it have (Mondrian trees: two more)."""
    spec = forest_spec(ForestSettings.model_validate({"model": model, "trees": 2, "max_nodes": 9}))
    with learning(spec, labelled_lines(1_500)) as learner:
        found = json.loads(saved_bytes(learner, tmp_path))["state"]["forest"]
    trees = found.get("trees") or [member["tree"] for member in found["members"]]
    assert 5 <= max(len(tree["nodes"]) for tree in trees) <= 11


@BOTH
def test_damaged_files_are_refused(spec: LearnerSpec, tmp_path: Path) -> None:
    """Whatever part of the file is missing, or is of another kind, it is no model of river."""
    path = tmp_path / "saved"
    with learning(spec, labelled_lines(400)) as learner:
        whole = json.loads(saved_bytes(learner, tmp_path))
    damaged: list[Any] = [{}, [], {**whole, "format": "freshet-river-1"}, {**whole, "state": {}}]
    damaged += [{**whole, "state": state} for state in spoiled(whole["state"])]
    assert len(damaged) > 20
    for content in damaged:
        path.write_text(json.dumps(content))
        with pytest.raises(WrongLearnerError, match="saved is not a whole model of river"):
            choose.load(spec, path)
    path.write_text(json.dumps(whole))
    choose.load(spec, path).close()


def spoiled(part: Any, depth: int = 0) -> Iterator[Any]:  # JSON
    """The same JSON with one part missing, or a text or a deeper list in its place."""
    places = list(part) if isinstance(part, dict) else range(min(len(part), 1))
    for place in places:
        if isinstance(part, dict):
            yield {key: value for key, value in part.items() if key != place}
        for wrong in ("text", {"of": "another"}):
            yield put(part, place, wrong)
        if isinstance(part[place], dict | list) and depth < 4 and place != "columns":
            for inner in spoiled(part[place], depth + 1):
                yield put(part, place, inner)


def put(part: Any, place: Any, value: Any) -> Any:  # JSON
    """The same JSON with another value at a place."""
    copied = part.copy()
    copied[place] = value
    return copied


@BOTH
def test_a_file_cannot_reach_beyond_its_columns(spec: LearnerSpec, tmp_path: Path) -> None:
    """A tree that splits a column which the file does not name, or lacks a child, is refused."""
    with learning(spec, labelled_lines(1_000)) as learner:
        whole = json.loads(saved_bytes(learner, tmp_path))
    found = whole["state"]["forest"]
    trees = found.get("trees") or [member["tree"] for member in found["members"]]
    nodes = next(tree["nodes"] for tree in trees if len(tree["nodes"]) > 2)
    for change in (lambda: nodes[0].__setitem__(0, 99), nodes.pop, lambda: nodes.extend(nodes)):
        kept = list(map(list, nodes))
        change()
        (tmp_path / "saved").write_text(json.dumps(whole))
        with pytest.raises(WrongLearnerError, match="not a whole model of river"):
            choose.load(spec, tmp_path / "saved")
        nodes[:] = kept


def test_what_is_not_finite_is_not_saved(tmp_path: Path) -> None:
    """Nothing is written."""
    forest_of_one = choose.create(SPECS["amf"])
    forest_of_one.step(labelled_lines(10))
    vars(forest_of_one)["_forest"]._spread[0][1] = float("nan")
    with pytest.raises(NonFiniteError, match="not finite"):
        forest_of_one.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()


BASE = """
model = "m"
[columns]
x = { role = "feature", kind = "numeric" }
y = { role = "label" }
[label]
positive = ["1"]
negative = ["0"]
"""


def test_a_forest_is_no_main_learner(tmp_path: Path) -> None:
    """The error says why, and what to write instead."""
    (tmp_path / "freshet.toml").write_text(BASE + '[learner]\nkind = "river-forest"\n')
    with pytest.raises(UsageError, match=r"learner\.kind.*only be a shadow.*\[\[shadow\]\]"):
        load.load(tmp_path / "freshet.toml")


def test_a_row_may_weigh_little() -> None:
    """A forest learns a row as often as it weighs: what weighs much is refused when configured."""
    assert bounds_for(SPECS["arf"]).most_weight == FOREST_MOST_WEIGHT == 10
