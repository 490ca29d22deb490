"""river's logistic regression as a learner, where Vowpal Wabbit cannot be had, or by choice.

Implements :mod:`learners.learner` and is reached through :mod:`learners.choose` alone. It reads the
converter's text back into features, so that rows, checks and columns are the same for both
learners, and hands its scores to the pipeline. What it computes is
``StandardScaler (numbers) + indicators | crosses | LogisticRegression``: without the scaler a
column such as a distance drives every score to exactly 0 or 1.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import orjson
from river import linear_model, optim, preprocessing, utils

from converters.convert.from_vw_text import RiverRow, crossed, flat, read_number, read_row, readable
from learners.learner import LearnerSpec, LineBlock, NonFiniteError, WrongLearnerError
from learners.line_bounds import bounds_for, broken_line, interactions_of

# What is learned: numbers by feature, and numbers.
State = dict[str, Any]

CONSTANT = "Constant"
FORMAT = "freshet-river-1"


class _SparseAdam(optim.Adam):  # type: ignore[misc]  # river is untyped
    """river's Adam, kept to its path over dicts: only the row's features are updated.

    Its path over vectors, which LogisticRegression takes, updates the moments of every feature
    ever seen: 700 rows a second at 3,000 features, and falling.
    """

    def _step_with_vector(self, w: object, g: object) -> object:
        raise NotImplementedError


# Each optimizer with the sums that it keeps for each feature.
_OPTIMIZERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "sgd": (optim.SGD, ()),
    "adagrad": (optim.AdaGrad, ("g2",)),
    "adam": (_SparseAdam, ("m", "v")),
}


class RiverLearner:
    """See :class:`learners.learner.Learner` for what it promises."""

    kind: ClassVar[str] = "river"

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        options = dict(zip(spec.args[::2], spec.args[1::2], strict=True))
        make, self._moments = _OPTIMIZERS[options["--optimizer"]]
        self._optimizer: Any = make(float(options["--learning_rate"]))
        self._model: Any = linear_model.LogisticRegression(
            optimizer=self._optimizer,
            l2=float(options["--l2"]),
            intercept_lr=float(options["--intercept_lr"]),
        )
        self._scaler: Any = preprocessing.StandardScaler()
        self._pairs = interactions_of(spec.args)
        self._line_bounds = bounds_for(spec)

    def step(self, lines: Sequence[str]) -> list[float]:
        """Score each line in order, learning the labelled ones after their score is taken.

        Raises:
            RefusedLinesError: numbers that are not finite as float32; nothing of the call has
                been learned.
            NonFiniteError: a score became NaN or infinite.
            MalformedLineError: a line is not the converter's.
        """
        return self.step_blocks(self._line_bounds.blocks(lines))

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already; raises as :meth:`step`."""
        return [self._step_one(line) for line in self._lines(blocks)]

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Score lines without learning, whatever stands before them."""
        return self.predict_blocks(self._line_bounds.blocks(lines))

    def predict_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already."""
        return [self._score(self._features(read_row(line))) for line in self._lines(blocks)]

    def save(self, path: Path) -> None:
        """Write the state as canonical JSON; the same state always gives the same bytes.

        Raises:
            NonFiniteError: a weight is not finite; nothing is written.
        """
        state = self.state()
        _check_finite(state, "This model of river")
        content = {"format": FORMAT, "args": self.spec.args, "state": state}
        path.write_bytes(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))

    def weights_of(self, line: str) -> dict[str, float]:
        """The weight of each feature of a line and of the constant, by readable name.

        A number's weight is that of its scaled value.
        """
        weights = self._model.weights
        features = self._features(read_row(line))
        named = {readable(key): float(weights.get(key, 0.0)) for key in features}
        return {**named, CONSTANT: float(self._model.intercept)}

    def close(self) -> None:
        """Nothing to free."""

    def _lines(self, blocks: Sequence[LineBlock]) -> list[str]:
        """The lines of these blocks, once all are seen to be ones that can be learned."""
        self._line_bounds.check(blocks)
        for block in blocks:
            if block.text.count("\n") != block.count:
                raise broken_line(block.text.count("\n"), block.count)
        return list(chain.from_iterable(block.lines for block in blocks))

    def _step_one(self, line: str) -> float:
        row = read_row(line)
        score = self._score(self._features(row))
        if not line.startswith("|"):
            self._learn_one(row, *line[: line.index("|")].split())
        return score

    def _learn_one(self, row: RiverRow, label: str, weight: str = "1") -> None:
        weighted = read_number(weight)
        if weighted:  # river's optimizers and penalties would move even for a weight of zero
            self._scaler.learn_one(_raw_numbers(row))
            self._model.learn_one(self._features(row), label == "1", weighted)

    def _features(self, row: RiverRow) -> dict[str, float]:
        """All features of a row, its numbers scaled with what the scaler knows now."""
        spaces = row.spaces
        if row.numbers:
            spaces = {letter: dict(space) for letter, space in spaces.items()}
            for key, value in self._scaler.transform_one(_raw_numbers(row)).items():
                spaces[row.numbers[key]][key] = value
        return flat(spaces) | crossed(spaces, self._pairs)

    def _score(self, features: Mapping[str, float]) -> float:
        score = float(self._model.predict_proba_one(features)[True])
        if not math.isfinite(score):
            raise NonFiniteError(
                "A score of river is not finite: its weights are not finite. Go back to an earlier "
                "version, and give numeric columns `min` and `max`."
            )
        return min(max(score, 0.0), 1.0)

    def state(self) -> State:
        """Everything learned, as plain JSON; floats are written so that they read back equal."""
        scaler, optimizer = self._scaler, self._optimizer
        return {
            "weights": _floats(self._model.weights),
            # Scoring leaves zeros for numbers never learned; they are no state.
            "counts": dict(scaler.counts),
            "means": _floats({key: scaler.means[key] for key in scaler.counts}),
            "vars": _floats({key: scaler.vars[key] for key in scaler.counts}),
            **{moment: _floats(getattr(optimizer, moment) or {}) for moment in self._moments},
            "intercept": float(self._model.intercept),
            "iterations": optimizer.n_iterations,
        }

    def restore(self, state: State) -> None:
        """Take over what :meth:`state` gave."""
        self._model._weights = utils.VectorDict(state["weights"])  # noqa: SLF001
        self._model.intercept = state["intercept"]
        self._scaler.counts.update(state["counts"])
        self._scaler.means.update(state["means"])
        self._scaler.vars.update(state["vars"])
        for moment in self._moments:
            setattr(self._optimizer, moment, defaultdict(float, state[moment]))
        self._optimizer.n_iterations = state["iterations"]


def create(spec: LearnerSpec) -> RiverLearner:
    """A learner that knows nothing yet."""
    return RiverLearner(spec)


def load(spec: LearnerSpec, path: Path) -> RiverLearner:
    """The learner saved at ``path``.

    Raises:
        NonFiniteError: a saved weight is not finite.
        WrongLearnerError: the file is not river's, or was made with other arguments.
    """
    saved = _read(path)
    if saved["args"] != list(spec.args):
        raise WrongLearnerError(
            f"{path.name} was made with `{' '.join(saved['args'])}`, and the config means "
            f"`{' '.join(spec.args)}`. Undo the change of `learner.river` or "
            "`learner.interactions`, or make a new model with `freshet backfill` and promote it."
        )
    learner = RiverLearner(spec)
    try:
        if saved["state"].keys() != learner.state().keys():
            raise _not_rivers(path)
        _check_finite(saved["state"], path.name)
        learner.restore(saved["state"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _not_rivers(path) from error
    return learner


def weights_in(spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:
    """What :meth:`RiverLearner.weights_of` gives for lines, of the model in a file."""
    learner = load(spec, path)
    return {name: weight for line in lines for name, weight in learner.weights_of(line).items()}


def _raw_numbers(row: RiverRow) -> dict[str, float]:
    return {key: row.spaces[letter][key] for key, letter in row.numbers.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        saved = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError as error:
        raise _not_rivers(path) from error
    if not isinstance(saved, dict) or saved.get("format") != FORMAT:
        raise _not_rivers(path)
    return saved


def _check_finite(state: State, what: str) -> None:
    for part in state.values():
        if not all(map(math.isfinite, part.values() if isinstance(part, dict) else (part,))):
            raise NonFiniteError(
                f"{what} holds weights that are not finite. Go back to an earlier version."
            )


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in values.items()}


def _not_rivers(path: Path) -> WrongLearnerError:
    return WrongLearnerError(
        f"{path.name} is not a whole model of river. If Vowpal Wabbit made it, set "
        '`learner.kind = "vw"` (and install vowpalwabbit); else load another version, or make '
        "the model again with `freshet backfill`."
    )
