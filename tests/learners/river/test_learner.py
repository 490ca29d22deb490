"""The river learner is river: the same scores as its own parts, put together by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import orjson
import pytest
from river import compose, linear_model, optim, preprocessing

from converters.config.learning_settings import RiverSettings
from converters.convert.from_vw_text import crossed, read_row
from learners import choose
from learners.learner import NonFiniteError, WrongLearnerError
from learners.river.arguments import river_spec
from learners.river.learner import RiverLearner
from tests.support.learning.learner_samples import (
    PAIRS,
    labelled_lines,
    learning,
    saved_bytes,
    with_late_labels,
)
from tests.support.rows.read_back import features

OPTIMIZERS = {"sgd": optim.SGD, "adagrad": optim.AdaGrad, "adam": optim.Adam}
LINES = with_late_labels(labelled_lines(300))
NUMBERS = ("dist", "p", "c|size")


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("l2", [0.0, 0.01])
def test_scores_are_a_river_pipelines(optimizer: str, l2: float) -> None:
    """Numbers through a StandardScaler, beside the indicators, into a LogisticRegression."""
    chosen = RiverSettings.model_validate({"optimizer": optimizer, "l2": l2})
    pipeline: Any = (compose.Select(*NUMBERS) | preprocessing.StandardScaler()) + compose.Discard(
        *NUMBERS
    ) | linear_model.LogisticRegression(OPTIMIZERS[optimizer](0.05), l2=l2, intercept_lr=0.01)
    # river's Select wants every number in every row.
    lines = [line for line in LINES if all(f" {n}:" in line for n in ("dist", "p", "size"))]
    expected = []
    for line in lines:
        expected.append(pipeline.predict_proba_one(features(line))[True])
        if not line.startswith("|"):
            pipeline.learn_one(features(line), line.startswith("1"))
    with learning(river_spec(chosen, [])) as learner:
        scores = learner.step(lines)
    # A pipeline puts the numbers first: the same products, added in another order.
    assert scores == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_steps_are_the_optimizers_own(optimizer: str) -> None:
    """Scaler, crosses, sigmoid and river's optimizer over plain dicts give the very same bits."""
    chosen = RiverSettings.model_validate({"optimizer": optimizer, "learning_rate": 0.02})
    scaler: Any = preprocessing.StandardScaler()
    update: Any = OPTIMIZERS[optimizer](0.02)
    loss: Any = optim.losses.Log()
    weights: dict[str, float] = {}
    intercept, expected = 0.0, []

    def inputs(line: str) -> dict[str, float]:
        row = read_row(line)
        raw = {key: row.spaces[letter][key] for key, letter in row.numbers.items()}
        for key, value in scaler.transform_one(raw).items():
            row.spaces[row.numbers[key]][key] = value
        return {
            **{k: v for s in row.spaces.values() for k, v in s.items()},
            **crossed(row.spaces, ["ab", "bc"]),
        }

    def log_odds(x: dict[str, float]) -> float:
        total = 0.0
        for key, value in x.items():
            total += weights.get(key, 0.0) * value
        return total + intercept

    for line in LINES:
        expected.append(float(loss.mean_func(log_odds(inputs(line)))))
        if line.startswith("|"):
            continue
        scaler.learn_one({k: v for k, v in features(line).items() if k in NUMBERS})
        x = inputs(line)
        slope = loss.gradient(y_true=line.startswith("1"), y_pred=log_odds(x))
        intercept -= 0.01 * slope
        for key in x:
            weights.setdefault(key, 0.0)
        update.step(weights, {key: value * slope for key, value in x.items()})
    with learning(river_spec(chosen, PAIRS)) as learner:
        assert learner.step(LINES) == expected


def test_weights_add_up_to_the_score() -> None:
    """Indicators and the constant: weight summed is the log-odds."""
    line = "| tail=N7 |a city=Bonn |b hour=3"
    with learning(river_spec(RiverSettings(), PAIRS), LINES) as learner:
        weights, (score,) = learner.weights_of(line), learner.predict([line])
    assert set(weights) == {"tail=N7", "city=Bonn", "hour=3", "city=Bonn*hour=3", "Constant"}
    assert math.isclose(math.fsum(weights.values()), math.log(score / (1 - score)), rel_tol=1e-9)


def test_state_is_canonical_json(tmp_path: Path) -> None:
    """The file is sorted JSON without any trace of what was only scored."""
    spec = river_spec(RiverSettings(optimizer="adam"), PAIRS)
    with learning(spec, LINES) as learner:
        content = saved_bytes(learner, tmp_path)
        learner.predict(["| never:7 other=1 |a city=Rome"])
        assert saved_bytes(learner, tmp_path) == content
    saved = json.loads(content)
    assert saved["args"] == list(spec.args)
    assert list(saved["state"]["weights"]) == sorted(saved["state"]["weights"])
    assert saved["state"]["iterations"] == sum(not line.startswith("|") for line in LINES)
    assert content == orjson.dumps(saved, option=orjson.OPT_SORT_KEYS)


def test_other_arguments_are_refused(tmp_path: Path) -> None:
    """A model of another step size is not continued; the error says both."""
    with learning(river_spec(RiverSettings(), PAIRS), LINES[:20]) as learner:
        learner.save(tmp_path / "saved")
    for other in (
        river_spec(RiverSettings(learning_rate=0.1), PAIRS),
        river_spec(RiverSettings(optimizer="adam"), PAIRS),
        river_spec(RiverSettings(), []),
    ):
        with pytest.raises(WrongLearnerError, match=r"--learning_rate 0\.05 .*freshet backfill"):
            choose.load(other, tmp_path / "saved")


def test_damaged_states_are_refused(tmp_path: Path) -> None:
    """Cut short, of another form, or lacking a part: not a model of river."""
    spec, path = river_spec(RiverSettings(optimizer="adagrad"), PAIRS), tmp_path / "saved"
    with learning(spec, LINES[:50]) as learner:
        whole = saved_bytes(learner, tmp_path)
    damaged = [
        whole[:-1],
        whole[:40],
        b"",
        b"[]",
        b"{}",
        b"null",
        whole.replace(b"river-1", b"river-9"),
    ]
    for part in ("weights", "counts", "means", "vars", "g2", "iterations", "intercept"):
        content = json.loads(whole)
        del content["state"][part]
        damaged.append(json.dumps(content).encode())
        content["state"][part] = "text"
        damaged.append(json.dumps(content).encode())
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(WrongLearnerError, match="saved is not a whole model of river"):
            choose.load(spec, path)


def test_spoiled_states_are_refused(tmp_path: Path) -> None:
    """A weight that is not finite is neither scored with, nor saved, nor loaded."""
    spec, path = river_spec(RiverSettings(), PAIRS), tmp_path / "saved"
    learner = RiverLearner(spec)
    learner.step(LINES[:50])
    learner.save(path)
    saved = json.loads(path.read_bytes())
    learner.restore(learner.state() | {"intercept": math.nan})
    with pytest.raises(NonFiniteError, match="score of river is not finite"):
        learner.predict(["| x=1"])
    with pytest.raises(NonFiniteError, match="not finite"):
        learner.save(tmp_path / "spoiled")
    assert not (tmp_path / "spoiled").exists()
    saved["state"]["means"]["dist"] = 1e308
    path.write_text(json.dumps(saved).replace("1e+308", "1e999"))
    with pytest.raises((NonFiniteError, WrongLearnerError)):
        choose.load(spec, path)


def test_negative_lessons_lower_the_score() -> None:
    """A label of -1 is the negative class."""
    with learning(river_spec(RiverSettings(), PAIRS)) as learner:
        learner.step(["-1 | |a city=Bonn |b hour=3"] * 50)
        assert learner.predict(["| |a city=Bonn |b hour=3"])[0] < 0.4
