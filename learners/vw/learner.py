"""Vowpal Wabbit as a learner: blocks of lines in, scores out, a byte-identical resume.

Implements :mod:`learners.learner` and is reached through :mod:`learners.choose` alone, so that
everything else works where VW cannot be imported. It takes the converter's text as it is and
hands its scores to the pipeline; plain VW opened with the spec's arguments and fed the same lines
one by one gives the same scores and the same file.

A workspace is not safe to use from two threads, and predicting changes counters in its file
(never its weights): a server opens a workspace of its own.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import numpy as np
from vowpalwabbit.pyvw import Workspace, pylibvw

from converters.convert.from_vw_text import DEFAULT_NAMESPACE, meetings, read_row, readable
from learners.learner import (
    LearnerSpec,
    LineBlock,
    ModelNotSavedError,
    NamedWeights,
    NameGroup,
    NonFiniteError,
    WrongLearnerError,
)
from learners.line_bounds import bounds_for, broken_line, interactions_of
from learners.vw.model_file import (
    bits,
    check_made_with,
    pending_regularization,
    saved_weights,
    untrained,
)
from learners.vw.weight_names import CONSTANT, CONSTANT_HASH, CROSSING, VWWeights

_learn = pylibvw.vw.learn
_predict = pylibvw.vw.predict
_finish = pylibvw.vw._finish_example  # noqa: SLF001  # the block path is not public, 2.5x as fast
_score = pylibvw.example.get_simplelabel_prediction
_sum_of_weights = pylibvw.example.get_partial_prediction

# VW takes its examples in turn from a ring of 256. While their Python objects are held, parsing
# gives the same ones again instead of new ones: a tenth of learning.
_HELD = 512


class VWLearner:
    """One workspace. See :class:`learners.learner.Learner` for what it promises."""

    kind: ClassVar[str] = "vw"
    order: ClassVar[int] = 2  # :data:`learners.vw.arguments.OPTIONS` lets in no higher one

    def __init__(self, spec: LearnerSpec, workspace: Any) -> None:  # noqa: ANN401  # VW is untyped
        self.spec = spec
        self._workspace = workspace
        self._line_bounds = bounds_for(spec)
        self._held: list[Any] = []

    def step(self, lines: Sequence[str]) -> list[float]:
        """Score each line in order, learning the labelled ones after their score is taken.

        Raises:
            RefusedLinesError: numbers that would destabilise the weights; nothing of the call has
                been learned.
            NonFiniteError: a score became NaN or infinite.
            MalformedLineError: a line is not the converter's.
        """
        return self._in_blocks(_learn, self._line_bounds.blocks(lines))

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already; raises as :meth:`step`."""
        # VW's learn only predicts a line without a label, and otherwise leaves in the example the
        # prediction from before the update.
        self._line_bounds.check(blocks)
        return self._in_blocks(_learn, blocks)

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Score lines without learning, whatever stands before them."""
        return self._in_blocks(_predict, self._line_bounds.blocks(lines))

    def predict_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already."""
        self._line_bounds.check(blocks)
        return self._in_blocks(_predict, blocks)

    def log_odds(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The sum of weights of each line, summed in float32, before it is bounded to ±50."""
        self._line_bounds.check(blocks)
        return self._in_blocks(_predict, blocks, _sum_of_weights)

    def save(self, path: Path) -> None:
        """Write the model file; the same state always gives the same bytes.

        Raises:
            ModelNotSavedError: the file could not be written.
        """
        try:
            self._workspace.save(str(path))
        except RuntimeError as error:
            with suppress(OSError):  # VW leaves behind what it had written
                path.with_name(f"{path.name}.writing").unlink()
            raise ModelNotSavedError(
                f"Vowpal Wabbit could not write {path}: {error}. See that the folder can be "
                "written to and that the disk has space left."
            ) from error

    def weights_of(self, line: str) -> dict[str, float]:
        """The weight of each feature of a line and of the constant, by readable name.

        Weight times value, summed, is the score's log-odds.
        """
        gravity, contraction = 0.0, 1.0
        if _regularizes(self.spec):
            gravity, contraction = self._pending_regularization()
        return {
            name: _regularized(self._weight(index), gravity, contraction)
            for name, index in _indices(self._workspace, self.spec, line).items()
        }

    def close(self) -> None:
        """Free the workspace."""
        self._workspace.finish()

    def _in_blocks(
        self,
        act: Callable[..., None],
        blocks: Sequence[LineBlock],
        read: Callable[..., float] = _score,
    ) -> list[float]:
        scores: list[float] = []
        for block in blocks:
            scores += self._block(act, block.text, block.count, read)
        return scores

    def _block(
        self, act: Callable[..., None], text: str, count: int, read: Callable[..., float]
    ) -> list[float]:
        """The hot path: 260 k labelled lines a second, where line by line gives 104 k."""
        workspace = self._workspace
        examples = workspace._parse(text)  # noqa: SLF001
        if len(self._held) < _HELD:
            self._held += examples
        try:
            if len(examples) != count:
                raise broken_line(len(examples), count)
            deque(map(act, repeat(workspace), examples), maxlen=0)
            scores = list(map(read, examples))
        finally:
            # 31 KiB leak for each example that is not finished.
            deque(map(_finish, repeat(workspace), examples), maxlen=0)
        if not math.isfinite(sum(scores)):
            raise NonFiniteError(
                "A score of Vowpal Wabbit is not finite: its weights are not finite. Go back to an "
                "earlier version, and give numeric columns `min` and `max`."
            )
        return scores

    def _weight(self, index: int) -> float:
        return float(self._workspace.get_weight(index, 0))

    def _pending_regularization(self) -> tuple[float, float]:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "model"
            self.save(path)
            _header, length = untrained(self.spec.args)
            return pending_regularization(path, length)


def _indices(workspace: Any, spec: LearnerSpec, line: str) -> dict[str, int]:  # noqa: ANN401
    """The place of the weight of each feature of a line and of the constant, by readable name."""
    spaces = read_row(line).spaces
    mask = (1 << bits(spec)) - 1
    hashes: dict[str, int] = {}
    for letter, space in spaces.items():
        seed = workspace.hash_space(letter)
        lead = 0 if letter == DEFAULT_NAMESPACE else len(letter) + 1
        for key in space:
            hashes[key] = workspace.hash_feature(key[lead:], seed) & mask
    both = {
        key: (CROSSING * hashes[first] ^ hashes[second]) & mask
        for key, (first, second) in meetings(spaces, interactions_of(spec.args)).items()
    }
    indices = {**hashes, **both, CONSTANT: CONSTANT_HASH & mask}
    return {readable(key): index for key, index in indices.items()}


def _regularizes(spec: LearnerSpec) -> bool:
    return any(name in spec.args for name in ("--l1", "--l2"))


def _regularized(weight: float, gravity: float, contraction: float) -> float:
    """A weight with what --l1 and --l2 have yet to take from it."""
    return math.copysign(max(abs(weight) - gravity, 0.0), weight) * contraction


def create(spec: LearnerSpec) -> VWLearner:
    """A learner that knows nothing yet."""
    return VWLearner(spec, Workspace(arg_list=list(spec.args)))


def load(spec: LearnerSpec, path: Path) -> VWLearner:
    """The learner saved at ``path``.

    Raises:
        NonFiniteError: a saved weight is not finite.
        WrongLearnerError: the file is not VW's, or was made with other arguments.
    """
    check_made_with(spec, path)
    if not np.isfinite(saved_weights(spec, path)["values"]).all():
        raise NonFiniteError(
            f"{path.name} holds weights that are not finite. Go back to an earlier version."
        )
    try:
        # All arguments again: -i alone silently drops the loss, the link, --l1 and --l2. Never
        # -t, with which scores under --l2 differ from the learner's in the last bits.
        workspace = Workspace(arg_list=[*spec.args, "-i", str(path)])
    except RuntimeError as error:
        raise WrongLearnerError(
            f"Vowpal Wabbit cannot open {path.name}: {error}. Load another version, or make the "
            "model again with `freshet backfill`."
        ) from error
    return VWLearner(spec, workspace)


def weights_in(spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:
    """What :meth:`VWLearner.weights_of` gives for lines, read from the file.

    Opening a model of 22 bits keeps the interpreter for 70 to 100 ms; a workspace without weights,
    which hashes the names, for 8.

    Raises:
        NonFiniteError: one of the weights is not finite.
        WrongLearnerError: the file is not VW's, or was made with other arguments.
    """
    check_made_with(spec, path)
    gravity, contraction = 0.0, 1.0
    if _regularizes(spec):
        gravity, contraction = pending_regularization(path, untrained(spec.args)[1])
    saved = saved_weights(spec, path, mapped=True)
    places = saved["index"]
    workspace = Workspace(arg_list=["--quiet", "--bit_precision", str(bits(spec))])
    found: dict[str, float] = {}
    try:
        for line in lines:
            for name, index in _indices(workspace, spec, line).items():
                at = bisect_left(places, index)
                known = at < len(places) and places[at] == index
                weight = float(saved["values"][at, 0]) if known else 0.0
                found[name] = _regularized(weight, gravity, contraction)
    finally:
        workspace.finish()
    if not all(map(math.isfinite, found.values())):
        raise NonFiniteError(
            f"{path.name} holds weights that are not finite. Go back to an earlier version."
        )
    return found


def named_weights(spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]) -> NamedWeights:
    """The weights in a file, with the names that they may be of; raises as :func:`load`."""
    return VWWeights(spec, path, groups)


def readable_model(spec: LearnerSpec, path: Path) -> bytes:
    """What Vowpal Wabbit's ``--readable_model`` writes; raises as :func:`load`."""
    check_made_with(spec, path)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "readable"
        Workspace(
            arg_list=[*spec.args, "-t", "-i", str(path), "--readable_model", str(file)]
        ).finish()
        return file.read_bytes()
