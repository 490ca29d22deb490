"""The gate: may this version be served? Finite weights, and its scores can be reproduced.

The learner and a backfill ask before they write the registry row; the server asks again of the
copy that it has loaded. The model is judged as it is on disk, opened again, never by a predict on
the learner's own workspace. A version of the learner whose newest scores were far worse than the
base rate waits for a person.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

from converters.config.learning_settings import GateSettings
from learners import choose
from learners.learner import Learner, LearnerSpec, NonFiniteError, WrongLearnerError
from learners.registry.row_types import Verdict

# Between platforms and package versions scores may differ by rounding; by no more than this.
TOLERANCE = 1e-6


class Expected(NamedTuple):
    """A row's text and the score that the saved model gives it."""

    text: str
    score: float

    def to_json(self) -> dict[str, Any]:
        """The form that manifests hold."""
        return {"text": self.text, "score": self.score}


def judge(
    spec: LearnerSpec, model: Path, digest: str, sample: Sequence[str], scratch: Path
) -> tuple[Verdict, list[Expected]]:
    """Open the saved model again and look at it.

    Args:
        spec: what it was learned with.
        model: the saved file.
        digest: its sha256, in hexadecimal.
        sample: texts to score; the row without features is always added.
        scratch: a path that may be written and is removed again.

    Returns:
        The verdict, and the sample's scores for others to reproduce.
    """
    texts = list(dict.fromkeys(["|", *sample]))
    try:
        reopened = choose.load(spec, model)
    except (NonFiniteError, WrongLearnerError) as error:
        return Verdict(good=False, reason=str(error)), []
    try:
        # Saved before it predicts: predicting changes VW's counters, though not its weights.
        whole = _saves_the_same(reopened, digest, scratch)
        scores = reopened.predict(texts)
    finally:
        reopened.close()
    expected = [Expected(t, s) for t, s in zip(texts, scores, strict=True)]
    if not all(math.isfinite(score) and 0 <= score <= 1 for score in scores):
        return Verdict(good=False, reason="The saved model gives scores that are not finite."), []
    if not whole:
        return Verdict(good=False, reason="The saved model, opened again, is another one."), []
    return Verdict(good=True), expected


def held_or_not(
    verdict: Verdict, window: Mapping[str, Any], size: int, gate: GateSettings
) -> Verdict:
    """The verdict; held where the window's log loss is far worse than the base rate's.

    Args:
        verdict: on the snapshot.
        window: the learner's measures of the window by count.
        size: of that window when it is full; a smaller one than ``gate.labels`` is then enough.
        gate: how far is too far.
    """
    labels, loss, base = (window[name] for name in ("count", "log_loss", "base_rate_log_loss"))
    if not verdict.good or labels < min(gate.labels, size) or loss - base <= gate.margin:
        return verdict
    reason = (
        f"Over the last {labels:,} labels its log loss is {loss:.4f}, {loss - base:.4f} above the "
        f"base rate's {base:.4f}; gate.margin allows {gate.margin:g}. It is served only if it is "
        "promoted."
    )
    return Verdict(good=True, reason=reason, held=True)


def in_words(verdict: Verdict) -> str:
    """What a verdict says: what was looked at, or what is wrong."""
    return verdict.reason or "loads and reproduces its scores"


def reproduces(learner: Learner, expected: Sequence[dict[str, Any]]) -> str:
    """Whether a loaded model gives the expected scores; the reason if not, else empty."""
    scores = learner.predict([e["text"] for e in expected])
    for row, score in zip(expected, scores, strict=True):
        if not abs(row["score"] - score) <= TOLERANCE:
            return (
                f"It should score a sample row {row['score']!r} and scores it {score!r}; it was "
                "damaged, or made by other package versions."
            )
    return ""


def _saves_the_same(learner: Learner, digest: str, scratch: Path) -> bool:
    """Whether the reopened model, saved, gives the same file."""
    try:
        learner.save(scratch)
        return sha256(scratch.read_bytes()).hexdigest() == digest
    finally:
        scratch.unlink(missing_ok=True)


# Distributions whose version may change what a snapshot means, under their names in manifests.
RECORDED_PACKAGES = {
    "freshet": "freshet-ml",
    "vowpalwabbit": "vowpalwabbit",
    "river": "river",
    "numpy": "numpy",
}


@cache
def packages() -> Mapping[str, str]:
    """Versions of what decides the bytes of a model; they stay while a process runs."""
    found = {"python": platform.python_version()}
    for name, distribution in RECORDED_PACKAGES.items():
        try:
            found[name] = version(distribution)
        except PackageNotFoundError:
            found[name] = "absent"
    return found
