"""The contract of a learner: text in, scores out, and a state that survives a restart to the bit.

``learners/vw/learner.py``, ``learners/river/learner.py`` and ``learners/river/forest.py`` implement
it, one suite of checks (``tests/support/learning/learner_contract.py``) runs over all of them, and
:mod:`learners.choose` picks one.

A *line* is the converter's text of one row: ``| carrier=UA dist:1.4 |a month=1``. A line that
starts with ``|`` is scored; one that starts with ``1 `` or ``-1 `` (positive, negative) is scored
and then learned.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

from converters.errors import FreshetError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The name of the model's file within a snapshot, whatever learner wrote it.
MODEL_FILE = "model"


def shadow_file(name: str) -> str:
    """The name of the file within a snapshot that a shadow of this name has."""
    return f"shadow-{name}"


class NonFiniteError(FreshetError):
    """A line holds a number that is not finite as float32, or a weight or score became so."""


class ModelNotSavedError(FreshetError):
    """The model file could not be written."""


class WrongLearnerError(FreshetError):
    """A snapshot belongs to another learner, other arguments or another schema."""


class LearnerSpec(NamedTuple):
    """Everything that decides what a learner computes.

    Attributes:
        kind: ``vw``, ``river`` or ``river-forest``.
        args: the complete arguments, in a fixed order; for VW, plain VW opened with them and fed
            the same lines gives the same model file.
    """

    kind: str
    args: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The form that manifests hold: ``{"kind": …, "args": […]}``."""
        return {"kind": self.kind, "args": list(self.args)}


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some lines as one text.

    Attributes:
        text: the lines, each ended by a line feed.
        count: how many these are.
        plain: whether the converter has seen that every learner takes them; see
            :attr:`converters.convert.row_block.RowBlock.plain`.
    """

    text: str
    count: int
    plain: bool = False

    @property
    def lines(self) -> list[str]:
        """The lines one by one."""
        return self.text.split("\n")[:-1]


class Learner(Protocol):
    """An online logistic learner.

    Promises, each a check of the contract suite: the score of a line is the one before it is
    learned; a score is a probability, finite, for unseen categories and missing values too;
    ``save`` changes nothing; a learner loaded from a save and one that never stopped give the
    same scores and the same saved bytes from then on; how lines are cut into calls of ``step``
    changes nothing.
    """

    kind: ClassVar[str]
    spec: LearnerSpec

    @property
    def order(self) -> int:
        """Of how many columns the log-odds have a term of their own at most; 0 for any number.

        2 where they are a sum over features and crossed pairs of them.
        """

    def step(self, lines: Sequence[str]) -> list[float]:
        """Score each line in order, learning the labelled ones after their score is taken.

        Args:
            lines: lines as the module's docstring describes; labelled and not, mixed.

        Returns:
            One float a line in [0, 1]: the probability of the positive class, with the weights
            that were there when the line's turn came.

        Raises:
            NonFiniteError: a line holds a number that is not finite; nothing of its block of
                lines has been learned.
        """

    def step_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already, as the converter gives them."""

    def predict(self, lines: Sequence[str]) -> list[float]:
        """Score lines without learning, whatever stands before them."""

    def predict_blocks(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The same for lines that are joined already."""

    def log_odds(self, blocks: Sequence[LineBlock]) -> list[float]:
        """The log-odds (natural logarithm) of each line before any adjustment; learns nothing.

        What :meth:`predict_blocks` gives is their logistic function, of which float32 keeps few
        digits far from one half.
        """

    def save(self, path: Path) -> None:
        """Write the model's file; the same state always gives the same bytes."""

    def weights_of(self, line: str) -> dict[str, float]:
        """The weight of each feature of an unlabelled line, by its readable name."""

    def close(self) -> None:
        """Free what the learner holds; it is not used after that."""


class NameGroup(NamedTuple):
    """Names of features that are written at one place of a row's text.

    Attributes:
        letter: of their namespace; empty for that of all.
        names: such as ``carrier=UA``, without the letter.
        alone: whether a row has no more than one of them.
    """

    letter: str
    names: Sequence[str]
    alone: bool = True


class NamedWeights(Protocol):
    """The weights of a saved model that are not zero, and the features that they may be of.

    Attributes:
        places: of each, ascending; the same in all models of one spec if ``hashed``, else where the
            weight is among these.
        values: log-odds for each unit of the feature.
        hashed: whether names have to be found.
        untried: how many pairs of groups were not crossed, since that takes too long.
    """

    places: NDArray[np.int64]
    values: NDArray[np.float64]
    hashed: bool
    untried: int

    def counts(self) -> NDArray[np.int64]:
        """How many of the features that are known may be at each place."""

    def names(self, at: NDArray[np.int64], most: int) -> list[list[str]]:
        """The features that may be at some of the places, of each no more than ``most``.

        Args:
            at: which of the places.
            most: so many.

        Returns:
            Keys, as :mod:`converters.convert.from_vw_text` has them.
        """


class LearnerModule(Protocol):
    """What a learner's module offers to :mod:`learners.choose`."""

    def create(self, spec: LearnerSpec) -> Learner:
        """A learner that knows nothing yet."""

    def load(self, spec: LearnerSpec, path: Path) -> Learner:
        """The learner saved at ``path``.

        Raises:
            NonFiniteError: a saved weight is not finite.
            WrongLearnerError: the file is not this kind's.
        """

    def weights_in(self, spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:
        """What ``weights_of`` gives for lines, of the learner saved at ``path``; raises as load."""

    def named_weights(
        self, spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]
    ) -> NamedWeights:
        """The weights of the learner saved at ``path``; raises as load.

        Args:
            spec: what it was learned with.
            path: its file.
            groups: the names that are known, in the order in which a row's text has them.
        """

    def readable_model(self, spec: LearnerSpec, path: Path) -> bytes:
        """The learner saved at ``path`` as text for people; raises as load."""
