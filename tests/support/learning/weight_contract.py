"""What every learner promises about the weights of rows; the rest is in ``learner_contract.py``."""

from __future__ import annotations

from pathlib import Path

from learners import choose
from learners.learner import LearnerSpec
from learners.line_bounds import bounds_for
from tests.support.learning.learner_contract import Promise, resumes
from tests.support.learning.learner_samples import (
    labelled_lines,
    learning,
    saved_bytes,
    unlabelled,
    with_weights,
)


def goes_on_with_weights(spec: LearnerSpec, folder: Path) -> None:
    """The same with weights, up to the largest and down to none."""
    resumes(spec, folder, with_weights(labelled_lines(), bounds_for(spec).most_weight))


def scores_with_weights_are_from_before(spec: LearnerSpec, _folder: Path) -> None:
    """A weight says how much is learned, not what was known before."""
    with learning(spec) as learner, learning(spec) as twin:
        for line in with_weights(labelled_lines(150), bounds_for(spec).most_weight):
            before = learner.predict([unlabelled(line)])
            learner.step([line])
            assert before == twin.step([line])


def weights_teach_more_or_less(spec: LearnerSpec, _folder: Path) -> None:
    """Rows of weight 1 move their score further than ones of weight .2; of weight 0, not at all."""
    line = "| dist:900 |a city=Bonn |b hour=3 |c size:3.5"
    moved = []
    for weight in ("0", "0.2", "1"):
        with learning(spec, labelled_lines(50)) as learner:
            (before,) = learner.predict([line])
            learner.step([f"1 {weight} {line}"] * 30)
            moved.append(learner.predict([line])[0] - before)
    assert moved[0] == 0.0
    assert 0.0 < moved[1] < moved[2]


def weight_of_one_is_no_weight(spec: LearnerSpec, folder: Path) -> None:
    """A row of weight 1 teaches what one without a weight does, to the byte."""
    lines = labelled_lines(100)
    with learning(spec, lines) as bare, learning(spec) as weighted:
        weighted.step([line.replace(" |", " 1 |", 1) for line in lines])
        assert saved_bytes(bare, folder) == saved_bytes(weighted, folder)


def weights_can_be_read_from_the_file(spec: LearnerSpec, folder: Path) -> None:
    """Without opening the model, to the bit; also of a learner that knows nothing."""
    probes = ["| dist:900 tail=N7 tail=5 |a city=Bonn |b hour=3 |c size:3.5", "| tail=never-seen"]
    for lines in (labelled_lines(), []):
        with learning(spec, lines) as learner:
            learner.save(folder / "model")
        opened = choose.load(spec, folder / "model")
        expected = {name: w for probe in probes for name, w in opened.weights_of(probe).items()}
        opened.close()
        assert choose.weights_in(spec, folder / "model", probes) == expected


WEIGHT_PROMISES: tuple[Promise, ...] = (
    goes_on_with_weights,
    scores_with_weights_are_from_before,
    weights_teach_more_or_less,
    weight_of_one_is_no_weight,
    weights_can_be_read_from_the_file,
)
