"""Classes out of balance: which lessons are learned, how much they count, and taking it back.

The planner asks which negative lessons are left out and what a positive one weighs; the scores
that result are of a world with more positives than there are, and :func:`corrected` leads them
back.

A learner whose positive lessons weigh ``w`` and of whose negative ones a share ``r`` is learned
finds odds that are ``w / r`` times the true ones: the correction subtracts log(w / r) from the
log-odds (King and Zeng 2001, "Logistic regression in rare events data", for the prior; Elkan 2001,
"The foundations of cost-sensitive learning", theorem 2; Dal Pozzolo et al. 2015, "Calibrating
probability with undersampling", equation 4, for w = 1).
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

from converters.cells.numbers import number_text
from converters.config.learning_settings import ImbalanceSettings
from converters.convert.from_vw_text import read_number
from learners.calibration.platt import FEWEST_IN_ARRAY
from learners.metrics.arrays import FloatArray

# As many bits as a float holds: a share of 1 leaves nothing out, whatever is drawn.
KEY_BYTES, SPARE_BITS, KEY_RANGE = 8, 11, 2.0**53


def odds_inflation(settings: ImbalanceSettings) -> float:
    """By how much the odds are too high and are to be brought down; 1 where nothing is."""
    return settings.positive_weight / settings.negative_share if settings.correct else 1.0


def corrected(scores: FloatArray, inflation: float) -> FloatArray:
    """The scores with their odds divided by ``inflation``.

    Written so that each step rises or falls with the score however it is rounded: higher scores
    never become lower ones. A score of exactly 0 or 1 stays what it is.
    """
    if inflation == 1.0:
        return scores
    if scores.size < FEWEST_IN_ARRAY:
        return np.array([corrected_one(s, inflation) for s in scores.tolist()], np.float64)
    with np.errstate(divide="ignore", over="ignore"):
        return 1.0 / (1.0 + inflation * ((1.0 - scores) / scores))


def corrected_one(score: float, inflation: float) -> float:
    """What :func:`corrected` gives for one score."""
    if inflation == 1.0 or score == 0.0:
        return score
    return 1.0 / (1.0 + inflation * ((1.0 - score) / score))


def weighted(text: str, weight: float) -> str:
    """A row's text (``|…``, or ``2.5 |…`` with its weight) that counts ``weight`` times as much."""
    own, bar, rest = text.partition("|")
    value = weight * (read_number(own.strip()) if own else 1.0)
    if value == 1:
        return f"{bar}{rest}"
    return f"{number_text(value) if value else '0'} {bar}{rest}"


def is_left_out(key: str, share: float) -> bool:
    """Whether a negative lesson is among those that are not learned.

    Decided by the key alone, so that a replay, another machine and a repeated row agree.

    Args:
        key: the event's id, or what stands for it.
        share: the share of negative lessons that is learned.
    """
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()
    return (int.from_bytes(digest, "big") >> SPARE_BITS) / KEY_RANGE >= share
