"""The VW learner is Vowpal Wabbit: the same scores and the same file as plain VW, line by line."""

from __future__ import annotations

import math
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learners import choose
from learners.learner import LearnerSpec
from learners.vw.arguments import vw_spec
from learners.vw.learner import VWLearner
from tests.support.learning.learner_samples import (
    PAIRS,
    labelled_lines,
    learning,
    saved_bytes,
    unlabelled,
    with_late_labels,
)
from tests.support.learning.vw_plain import file_after, plain, predict_then_learn

ARGS = ("", "-b 12 --power_t 0", "-b 20 --l1 1e-6 --l2 1e-4", "-b 20 --coin", "-b 12 --initial_t 9")
SPECS = [pytest.param(vw_spec(args, PAIRS), id=args or "default") for args in ARGS]

# The same parsed floats go through the same sums; only log-odds computed from them are rounded.
LOG_ODDS_TOLERANCE = 1e-5

tokens = st.one_of(
    st.builds("x={}".format, st.integers(0, 5)),
    st.builds("y:{}".format, st.floats(-1e6, 1e6).filter(lambda v: abs(v) > 1e-3)),
    st.builds("z:{}".format, st.integers(-999, 999)),
    st.just("w="),
)
spaces = st.builds(" ".join, st.lists(tokens, max_size=3))
rows = st.builds("| {} |a {} |b {} |c {}".format, spaces, spaces, spaces, spaces)
lines_of_rows = st.lists(st.builds("{}{}".format, st.sampled_from(["", "1 ", "-1 "]), rows))


@pytest.mark.parametrize("spec", SPECS)
def test_scores_are_plain_vws(spec: LearnerSpec) -> None:
    """Each score is what plain VW predicts just before it learns the line."""
    lines = with_late_labels(labelled_lines())
    with learning(spec) as learner:
        assert learner.step(lines) == predict_then_learn(spec.args, lines)


@pytest.mark.parametrize("spec", SPECS)
def test_file_is_plain_vws(spec: LearnerSpec, tmp_path: Path) -> None:
    """The model file is byte for byte the one of plain VW that learns line by line."""
    for lines in (labelled_lines(), with_late_labels(labelled_lines())):
        with learning(spec, lines) as learner:
            assert saved_bytes(learner, tmp_path) == file_after(spec.args, lines, tmp_path)


@given(lines=lines_of_rows)
@settings(max_examples=40, deadline=None)
def test_any_rows_score_as_in_plain_vw(lines: list[str]) -> None:
    """Whatever the rows hold, block and line by line agree."""
    spec = vw_spec("-b 12", PAIRS)
    with learning(spec) as learner:
        assert learner.step(lines) == predict_then_learn(spec.args, lines)


def test_average_loss_is_vws_own() -> None:
    """For gradient descent the log loss of the scores is the average loss that VW reports."""
    spec, lines = vw_spec("", PAIRS), labelled_lines()
    with learning(spec) as learner:
        scores = learner.step(lines)
    losses = [
        -math.log(s if line[0] == "1" else 1 - s) for s, line in zip(scores, lines, strict=True)
    ]
    with plain(spec.args) as workspace:
        for line in lines:
            workspace.learn(line)
        reported = workspace.get_sum_loss() / workspace.get_weighted_examples()
    assert math.isclose(math.fsum(losses) / len(losses), reported, rel_tol=1e-6)


@pytest.mark.parametrize("args", ["", "--l2 1e-3", "--l1 1e-4", "--l1 1e-5 --l2 1e-3", "--coin"])
def test_weights_add_up_to_the_score(args: str, tmp_path: Path) -> None:
    """Weight times value, summed over features, crosses and constant, is the log-odds."""
    with learning(vw_spec(args, PAIRS), labelled_lines()) as learner:
        before = saved_bytes(learner, tmp_path)
        line = "| dist:2900 tail=N7 p:0.005 |a city=Bonn |b hour=3 |c size:3.5"
        weights = learner.weights_of(line)
        assert saved_bytes(learner, tmp_path) == before
        (score,) = learner.predict([line])
    values = {"dist": 2900.0, "p": 0.005, "size": 3.5, "hour=3*size": 3.5}
    total = math.fsum(weight * values.get(name, 1.0) for name, weight in weights.items())
    assert math.isclose(total, math.log(score / (1 - score)), abs_tol=LOG_ODDS_TOLERANCE)


def test_a_server_needs_no_other_arguments(tmp_path: Path) -> None:
    """Under --l2 a loaded learner predicts the learner's very bits, which VW's -t would not."""
    lines, probes = labelled_lines(), [unlabelled(line) for line in labelled_lines(200, seed=9)]
    spec = vw_spec("--l2 1e-4", PAIRS)
    with learning(spec, lines) as learner:
        learner.save(tmp_path / "saved")
        expected = learner.predict(probes)
    served = choose.load(spec, tmp_path / "saved")
    with plain([*spec.args, "-t", "-i", str(tmp_path / "saved")]) as testing:
        assert [testing.predict(probe) for probe in probes] != expected
    assert served.predict(probes) == expected
    served.close()


def test_memory_stays_flat() -> None:
    """Parsed lines are given back: 20,000 of them would hold 600 MiB."""
    lines = labelled_lines(1000)
    with learning(vw_spec("", PAIRS), lines) as learner:
        learner.predict(lines)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(10):
            learner.step(lines)
            learner.predict(lines)
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after < before * 1.2


def test_parsed_examples_are_the_same_objects_again() -> None:
    """Whatever the blocks' length: making new ones costs a tenth of learning."""
    lines = labelled_lines(1000)
    with learning(vw_spec("", PAIRS), lines) as learner:
        assert isinstance(learner, VWLearner)
        held = {id(example) for example in learner._held}
        assert len(held) == 256
        workspace = learner._workspace
        for count in (1, 100, 256):
            examples = workspace._parse("| a\n" * count)
            assert held.issuperset(map(id, examples))
            for example in examples:
                workspace._finish_example(example)
