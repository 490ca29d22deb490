"""river's logistic regression as a learner, where Vowpal Wabbit cannot be had, or by choice.

Implements :mod:`learners.learner` and is reached through :mod:`learners.choose` alone. It reads the
converter's text back into features, so that rows, checks and columns are the same for both
learners, and hands its scores to the pipeline. What it computes is
``StandardScaler (numbers) + indicators | crosses | LogisticRegression``: without the scaler a
column such as a distance drives every score to exactly 0 or 1.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from river import linear_model, optim, preprocessing, utils

from converters.convert.from_vw_text import RiverRow, crossed, flat, read_row, readable
from learners.learner import LearnerSpec, NamedWeights, NameGroup
from learners.line_bounds import interactions_of
from learners.river.line_by_line import (
    LineByLine,
    State,
    WeightsByName,
    not_rivers,
    read_saved,
    readable_json,
    write_saved,
)

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


class RiverLearner(LineByLine):
    """See :class:`learners.learner.Learner` for what it promises."""

    kind: ClassVar[str] = "river"
    order: ClassVar[int] = 2

    def __init__(self, spec: LearnerSpec) -> None:
        super().__init__(spec)
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

    def save(self, path: Path) -> None:
        """Write the state as canonical JSON; the same state always gives the same bytes.

        Raises:
            NonFiniteError: a weight is not finite; nothing is written.
        """
        write_saved(path, FORMAT, self.spec, self.state())

    def weights_of(self, line: str) -> dict[str, float]:
        """The weight of each feature of a line and of the constant, by readable name.

        A number's weight is that of its scaled value.
        """
        weights = self._model.weights
        features = self._features(read_row(line))
        named = {readable(key): float(weights.get(key, 0.0)) for key in features}
        return {**named, CONSTANT: float(self._model.intercept)}

    def score(self, row: RiverRow) -> float:
        """The probability of the positive class."""
        return float(self._model.predict_proba_one(self._features(row))[True])

    def log_odds_of(self, row: RiverRow) -> float:
        """The sum of weights times values."""
        return float(self._model._raw_dot_one(self._features(row)))  # noqa: SLF001

    def learn(self, row: RiverRow, positive: bool, weight: float) -> None:
        """Learn a labelled row."""
        self._scaler.learn_one(_raw_numbers(row))
        self._model.learn_one(self._features(row), positive, weight)

    def _features(self, row: RiverRow) -> dict[str, float]:
        """All features of a row, its numbers scaled with what the scaler knows now."""
        spaces = row.spaces
        if row.numbers:
            spaces = {letter: dict(space) for letter, space in spaces.items()}
            for key, value in self._scaler.transform_one(_raw_numbers(row)).items():
                spaces[row.numbers[key]][key] = value
        return flat(spaces) | crossed(spaces, self._pairs)

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
        self._model._weights = utils.VectorDict(_floats(state["weights"]))  # noqa: SLF001
        self._model.intercept = float(state["intercept"])
        self._scaler.counts.update({key: int(n) for key, n in state["counts"].items()})
        self._scaler.means.update(_floats(state["means"]))
        self._scaler.vars.update(_floats(state["vars"]))
        for moment in self._moments:
            setattr(self._optimizer, moment, defaultdict(float, _floats(state[moment])))
        self._optimizer.n_iterations = int(state["iterations"])


def create(spec: LearnerSpec) -> RiverLearner:
    """A learner that knows nothing yet."""
    return RiverLearner(spec)


def load(spec: LearnerSpec, path: Path) -> RiverLearner:
    """The learner saved at ``path``.

    Raises:
        NonFiniteError: a saved weight is not finite.
        WrongLearnerError: the file is not river's, or was made with other arguments.
    """
    state, learner = read_saved(path, FORMAT, spec), RiverLearner(spec)
    try:
        if state.keys() != learner.state().keys():
            raise not_rivers(path)
        learner.restore(state)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise not_rivers(path) from error
    return learner


def weights_in(spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:
    """What :meth:`RiverLearner.weights_of` gives for lines, of the model in a file."""
    learner = load(spec, path)
    return {name: weight for line in lines for name, weight in learner.weights_of(line).items()}


def named_weights(spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]) -> NamedWeights:  # noqa: ARG001
    """The weights in a file, which has their names."""
    state = load(spec, path).state()
    return WeightsByName({**state["weights"], CONSTANT: state["intercept"]})


def _raw_numbers(row: RiverRow) -> dict[str, float]:
    return {key: row.spaces[letter][key] for key, letter in row.numbers.items()}


def _floats(values: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in values.items()}


def readable_model(spec: LearnerSpec, path: Path) -> bytes:
    """The file itself, which is JSON; raises as :func:`load`."""
    load(spec, path)
    return readable_json(path)
