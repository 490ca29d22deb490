"""The promises of a learner, each a function that fails where one is broken.

``tests/learners/test_contract.py`` runs them over Vowpal Wabbit with every argument that is let
in, over river with each optimizer, and over its forests. A new learner, or a new argument, is let
in by passing here.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from learners import choose
from learners.learner import Learner, LearnerSpec, LineBlock, NonFiniteError
from learners.line_bounds import MalformedLineError
from tests.support.learning.learner_samples import (
    labelled_lines,
    learning,
    saved_bytes,
    unlabelled,
    with_late_labels,
)

# What must never reach a learner: each is finite nowhere, or not once it is a float32.
NOT_FINITE = ("inf", "-inf", "nan", "NaN", "1e39", "-1e400", "0x1p200", "9" * 60)
MALFORMED = (
    *("", " | x=1", "0 | x=1", "1 -2.5 | x=1", "-1 tag| x=1", "x=1", "| x=1\r"),
    *("1 | x=1\n1 | y=1", "| x=1\n| y"),
)


def reopened(learner: Learner, folder: Path) -> Learner:
    """The learner saved, closed, and loaded again."""
    path = folder / "reopened"
    learner.save(path)
    learner.close()
    return choose.load(learner.spec, path)


def score_is_from_before_the_lesson(spec: LearnerSpec, _folder: Path) -> None:
    """The score of a labelled line is the one that predicting it first gives."""
    lines = labelled_lines(150)
    with learning(spec) as learner, learning(spec) as twin:
        for line in lines:
            before = learner.predict([unlabelled(line)])
            learner.step([line])
            assert before == twin.step([line])


def it_learns(spec: LearnerSpec, _folder: Path) -> None:
    """Lessons move the scores, and toward the labels."""
    with learning(spec, labelled_lines()) as learner:
        for label in ("1", "-1"):
            line = "| dist:900 tail=N7 |a city=Bonn |b hour=3 |c size:3.5"
            (before,) = learner.predict([line])
            learner.step([f"{label} {line}"] * 20)
            (after,) = learner.predict([line])
            assert (after > before) == (label == "1")


def scores_are_probabilities(spec: LearnerSpec, _folder: Path) -> None:
    """No score leaves 0 to 1, and none is driven to the very end on raw columns."""
    with learning(spec) as learner:
        assert all(0 < score < 1 for score in learner.step(labelled_lines()))


def goes_on_after_a_restart(spec: LearnerSpec, folder: Path) -> None:
    """Saved, loaded and continued at seven places, it is the learner that never stopped."""
    resumes(spec, folder, labelled_lines())


def goes_on_with_late_labels(spec: LearnerSpec, folder: Path) -> None:
    """The same with scored-only lines and late lessons in any order."""
    resumes(spec, folder, with_late_labels(labelled_lines()))


def resumes(spec: LearnerSpec, folder: Path, lines: list[str]) -> None:
    """Saved, loaded and continued at seven places, it is the learner that never stopped."""
    cuts = [0, *sorted(random.Random(1).sample(range(1, len(lines)), 7)), len(lines)]
    stopping = choose.create(spec)
    scores = []
    for begin, end in pairwise(cuts):
        stopping = reopened(stopping, folder)
        scores += stopping.step(lines[begin:end])
    with learning(spec) as whole:
        assert scores == whole.step(lines)
        assert saved_bytes(stopping, folder) == saved_bytes(whole, folder)
    stopping.close()


def saving_changes_nothing(spec: LearnerSpec, folder: Path) -> None:
    """A learner that is saved over and over scores and saves as one that never was."""
    lines = labelled_lines(300)
    with learning(spec) as saving, learning(spec) as quiet:
        for begin in range(0, 300, 50):
            part = lines[begin : begin + 50]
            assert saving.step(part) == quiet.step(part)
            first = saved_bytes(saving, folder)
            assert first == saved_bytes(saving, folder)
        assert saved_bytes(saving, folder) == saved_bytes(quiet, folder)


def loading_changes_nothing(spec: LearnerSpec, folder: Path) -> None:
    """A loaded learner saves the file it came from, and scores like the one that saved it."""
    lines = labelled_lines()
    probes = [unlabelled(line) for line in labelled_lines(100, seed=8)]
    with learning(spec, lines) as learner:
        content = saved_bytes(learner, folder)
        loaded = choose.load(spec, folder / "saved")
        assert saved_bytes(loaded, folder) == content
        assert loaded.predict(probes) == learner.predict(probes)
        loaded.close()


def cuts_change_nothing(spec: LearnerSpec, folder: Path) -> None:
    """One call, line by line, or blocks of odd sizes: the same scores and the same file."""
    lines = with_late_labels(labelled_lines(400))
    with learning(spec) as whole:
        scores, content = whole.step(lines), saved_bytes(whole, folder)
    for size in (1, 127, 129, 257):
        with learning(spec) as cut:
            parts = [cut.step(lines[at : at + size]) for at in range(0, len(lines), size)]
            assert [score for part in parts for score in part] == scores
            assert saved_bytes(cut, folder) == content


def ready_blocks_are_lines(spec: LearnerSpec, folder: Path) -> None:
    """Lines that are joined already, checked or not, give what they give one by one."""
    lines = labelled_lines(300)
    blocks = [
        LineBlock("\n".join([*lines[at : at + 70], ""]), len(lines[at : at + 70]), at % 140 == 0)
        for at in range(0, len(lines), 70)
    ]
    with learning(spec) as one_by_one, learning(spec) as at_once:
        assert at_once.step_blocks(blocks) == one_by_one.step(lines)
        assert saved_bytes(at_once, folder) == saved_bytes(one_by_one, folder)
        assert at_once.predict_blocks(blocks) == one_by_one.predict(lines)


def equal_input_gives_equal_bytes(spec: LearnerSpec, folder: Path) -> None:
    """Two learners fed alike save alike, and another lesson shows in the file."""
    lines = labelled_lines()
    with learning(spec, lines) as one, learning(spec, lines) as other:
        assert saved_bytes(one, folder) == saved_bytes(other, folder)
        other.step(lines[:1])
        assert saved_bytes(one, folder) != saved_bytes(other, folder)


def refuses_what_is_not_finite(spec: LearnerSpec, folder: Path) -> None:
    """One number that is not finite refuses the call, and nothing of it has been learned."""
    lines = labelled_lines(300)
    with learning(spec, lines) as learner:
        content = saved_bytes(learner, folder)
        for number in NOT_FINITE:
            for bad in (
                f"1 | x=1 dist:{number}",
                f"| dist:{number} |a city=Bonn",
                f"-1 | |c size:{number}",
            ):
                with pytest.raises(NonFiniteError, match="299"):
                    learner.step([*lines[:299], bad])
                with pytest.raises(NonFiniteError):
                    learner.predict([bad])
        assert saved_bytes(learner, folder) == content


def refuses_what_is_no_line(spec: LearnerSpec, _folder: Path) -> None:
    """A line that is not the converter's is an error, never a shifted score or a lesson."""
    probes = [unlabelled(line) for line in labelled_lines(50, seed=8)]
    with learning(spec, labelled_lines(50)) as learner:
        before = learner.predict(probes)
        for bad in MALFORMED:
            with pytest.raises(MalformedLineError):
                learner.step([*labelled_lines(9), bad, "-1 | y=2"])
        assert learner.predict(probes) == before


def unseen_and_missing_are_scored(spec: LearnerSpec, _folder: Path) -> None:
    """Categories never seen, missing cells and a row without anything get finite scores."""
    strange = [
        "|",
        "| ",
        "| |a city=Zürich",
        "| note= |a city= |b hour=99",
        "| dist:1e-9 tail=%25%3A |c size:-4",
        "| dist:123456789012 |a city=🛫 |b hour=1 |c size:1000000",
    ]
    for lines in ([], labelled_lines()):
        with learning(spec, lines) as learner:
            scores = learner.predict(strange)
            assert len(scores) == len(strange)
            assert all(0 <= score <= 1 for score in scores)
            assert scores == learner.step(strange)


def predicting_teaches_nothing(spec: LearnerSpec, _folder: Path) -> None:
    """Predicting, labelled lines too, leaves every later score as it was."""
    lines = labelled_lines()
    with learning(spec, lines[:300]) as asked, learning(spec, lines[:300]) as left_alone:
        first = asked.predict(lines[300:])
        assert first == asked.predict([unlabelled(line) for line in lines[300:]])
        assert asked.step(lines[300:]) == left_alone.step(lines[300:])


def nothing_in_nothing_out(spec: LearnerSpec, folder: Path) -> None:
    """An empty call gives no scores and changes nothing."""
    with learning(spec, labelled_lines(50)) as learner:
        content = saved_bytes(learner, folder)
        assert learner.step([]) == learner.predict([]) == []
        assert saved_bytes(learner, folder) == content


def weights_have_readable_names(spec: LearnerSpec, _folder: Path) -> None:
    """Every feature of a line, each cross and the constant has its weight; a forest has none."""
    with learning(spec, labelled_lines()) as learner:
        if spec.kind == "river-forest":
            assert learner.weights_of("| dist:900 |a city=Bonn") == {}
            return
        weights = learner.weights_of("| dist:900 tail=N7 |a city=Bonn |b hour=3 |c size:3.5")
        crosses = ["city=Bonn*hour=3", "hour=3*size"] if "--interactions" in spec.args else []
        crosses[1:1] = ["city=Bonn*size"] if "ac" in spec.args else []
        assert list(weights) == [
            *("dist", "tail=N7", "city=Bonn", "hour=3", "size", *crosses, "Constant")
        ]
        assert all(map(math.isfinite, weights.values()))
        assert any(weights.values())
        assert learner.weights_of("| tail=never-seen")["tail=never-seen"] == 0


Promise = Callable[[LearnerSpec, Path], None]

PROMISES: tuple[Promise, ...] = (
    score_is_from_before_the_lesson,
    it_learns,
    scores_are_probabilities,
    goes_on_after_a_restart,
    goes_on_with_late_labels,
    saving_changes_nothing,
    loading_changes_nothing,
    cuts_change_nothing,
    ready_blocks_are_lines,
    equal_input_gives_equal_bytes,
    refuses_what_is_not_finite,
    refuses_what_is_no_line,
    unseen_and_missing_are_scored,
    predicting_teaches_nothing,
    nothing_in_nothing_out,
    weights_have_readable_names,
)
