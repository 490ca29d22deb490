"""Imbalance: who is left out, what a positive lesson weighs, and scores led back to the truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config.learning_settings import ImbalanceSettings
from converters.errors import UsageError
from learners import choose
from learners.calibration.imbalance import corrected, is_left_out, odds_inflation, weighted
from learners.choose import check_weights
from learners.learner import LearnerSpec
from learners.metrics.arrays import BoolArray, FloatArray
from learners.vw.arguments import vw_spec
from tests.support.rows.schemas import FLIGHT, build

quick = settings(max_examples=60, deadline=None)
scores = st.floats(1e-6, 1 - 1e-6)
inflations = st.floats(1e-3, 1e5)


@quick
@given(scores, inflations)
def test_correction_divides_the_odds(score: float, inflation: float) -> None:
    """The corrected odds are the raw ones divided by what inflated them."""
    p = float(corrected(np.array([score]), inflation)[0])
    assert p / (1 - p) * inflation == pytest.approx(score / (1 - score), rel=1e-6)


def test_the_ends_stay_the_ends() -> None:
    """A score of exactly 0 or 1 is not moved, nor does it warn."""
    assert corrected(np.array([0.0, 1.0, 5e-324]), 30.0).tolist() == [0.0, 1.0, 0.0]


def test_undersampling_is_taken_back_as_dal_pozzolo_has_it() -> None:
    """For unit weights it is p = b ps / (b ps - ps + 1), their equation 4."""
    raw, share = np.linspace(0.01, 0.99, 99), 0.05
    theirs = share * raw / (share * raw - raw + 1)
    assert corrected(raw, 1 / share) == pytest.approx(theirs, rel=1e-12)


def test_nothing_is_taken_back_when_told_so() -> None:
    """With ``correct = false`` a score stays as the learner gives it."""
    told = ImbalanceSettings(positive_weight=5, negative_share=0.1, correct=False)
    assert odds_inflation(told) == 1.0
    assert odds_inflation(told.model_copy(update={"correct": True})) == 50.0


@pytest.mark.parametrize(
    ("text", "weight", "expected"),
    [
        ("| a=b", 2.5, "2.5 | a=b"),
        ("4 | a=b |c x:1", 2.5, "10 | a=b |c x:1"),
        ("0.4 | a=b", 2.5, "| a=b"),
        ("0 | a=b", 2.5, "0 | a=b"),
        ("| a=b", 1.0, "| a=b"),
        ("0x1p-60 |", 2.0, "0x1.0000000000000p-59 |"),
    ],
)
def test_a_row_counts_as_often_as_it_weighs(text: str, weight: float, expected: str) -> None:
    """The weight in front of the text is multiplied, and left away where it is 1."""
    assert weighted(text, weight) == expected


@pytest.mark.parametrize("share", [0.03, 0.5, 0.9])
def test_the_share_of_keys_is_kept(share: float) -> None:
    """About the share that is asked for is learned, whatever the ids look like."""
    kept = sum(not is_left_out(f"flight-{n}", share) for n in range(20_000))
    assert kept / 20_000 == pytest.approx(share, abs=0.012)


def test_a_key_decides_for_good() -> None:
    """The same key is left out everywhere, and stays left out under any smaller share."""
    assert [is_left_out(key, 0.5) for key in ("a", "b", "c", "\udc80", "")] == [
        *(False, True, False, False, True)
    ]
    drawn = [n for n in range(500) if is_left_out(str(n), 0.3)]
    assert all(is_left_out(str(n), 0.2) for n in drawn)


@quick
@given(st.text())
def test_a_share_of_one_leaves_nobody_out(key: str) -> None:
    """With all negatives to be learned, all are."""
    assert not is_left_out(key, 1.0)


def test_a_weight_that_spoils_the_learner_is_refused() -> None:
    """--coin takes no lesson heavier than 1; the message names the key and another way."""
    schema = build(FLIGHT)
    heavy = ImbalanceSettings(positive_weight=4)
    check_weights(heavy, schema, vw_spec("", ()))
    check_weights(ImbalanceSettings(positive_weight=0.5), schema, vw_spec("--coin", ()))
    with pytest.raises(
        UsageError, match=r"imbalance\.positive_weight is 4.*negative_share = 0\.25"
    ):
        check_weights(heavy, schema, vw_spec("--coin", ()))


ROWS = 60_000
CELLS = np.array([-3.5, -2.5, -1.5])


def made_rows() -> tuple[BoolArray, FloatArray, list[str]]:
    """Rare positives whose log-odds hang on one cell, and the rows' texts."""
    random = np.random.default_rng(7)
    cells = random.integers(0, CELLS.size, ROWS)
    truth = 1 / (1 + np.exp(-CELLS[cells]))
    return random.random(ROWS) < truth, truth, [f"| c={cell}" for cell in cells]


def learned(spec: LearnerSpec, lines: list[str], folder: Path) -> FloatArray:
    """What a learner that took the lines says of each cell's row."""
    learner = choose.create(spec)
    try:
        learner.step(lines)
        learner.save(folder / "model")
    finally:
        learner.close()
    reopened = choose.load(spec, folder / "model")
    try:
        return np.array(reopened.predict([f"| c={cell}" for cell in range(CELLS.size)]))
    finally:
        reopened.close()


@pytest.mark.parametrize(
    "told",
    [ImbalanceSettings(negative_share=0.1), ImbalanceSettings(positive_weight=8)],
    ids=["down-sampled", "weighted"],
)
def test_corrected_scores_are_calibrated_where_raw_ones_are_not(
    told: ImbalanceSettings, tmp_path: Path
) -> None:
    """A real learner's scores, inflated by what was done to its lessons, come back to the truth."""
    positive, _, texts = made_rows()
    lines = [
        f"1 {weighted(text, told.positive_weight)}" if is_positive else f"-1 {text}"
        for at, (is_positive, text) in enumerate(zip(positive, texts, strict=True))
        if is_positive or not is_left_out(str(at), told.negative_share)
    ]
    raw = learned(vw_spec("-l 0.05 --power_t 0.3", ()), lines, tmp_path)
    wanted = 1 / (1 + np.exp(-CELLS))
    assert np.abs(corrected(raw, odds_inflation(told)) / wanted - 1).max() < 0.15
    assert (raw / wanted).min() > 3
