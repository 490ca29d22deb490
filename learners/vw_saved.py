"""What a saved Vowpal Wabbit model was made with, and its weights, before it is trusted.

Used by :mod:`learners.vw.learner` when it opens a file: VW takes over whatever arguments a file names,
and learns on with them, so they are compared with the spec's first.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from vowpalwabbit.pyvw import Workspace

from learners.learner import LearnerSpec, WrongLearnerError
from learners.vw.arguments import COIN, OPTIONS
from learners.vw.model_file import Header, read_header, read_weights

# Floats that VW keeps for each weight: of --coin, and of adaptive, normalized gradient descent.
_FLOATS_COIN, _FLOATS_GRADIENT = 6, 3


def saved_weights(spec: LearnerSpec, path: Path) -> NDArray[np.void]:
    """The weights in a model file, as :func:`learners.vw.model_file.read_weights` gives them."""
    _header, length = untrained(spec.args)
    floats = _FLOATS_COIN if COIN in spec.args else _FLOATS_GRADIENT
    return read_weights(path, length, floats, bits(spec))


@lru_cache(maxsize=8)
def untrained(args: tuple[str, ...]) -> tuple[Header, int]:
    """The header and the length of the file of a workspace that knows nothing.

    Its table is the smallest and empty: neither ``--bit_precision`` nor ``--initial_t``, which
    fills it, changes the length of what stands before the weights.
    """
    kept = [
        word
        for before, word in zip(("", *args), args, strict=False)
        if "--bit_precision" not in (before, word) and "--initial_t" not in (before, word)
    ]
    smallest = str(int(OPTIONS["--bit_precision"].least))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        workspace = Workspace(arg_list=[*kept, "--bit_precision", smallest])
        try:
            workspace.save(str(path))
        finally:
            workspace.finish()
        return read_header(path), path.stat().st_size


def check_made_with(spec: LearnerSpec, path: Path) -> None:
    """Compare the arguments that a model file holds with the spec's."""
    with path.open("rb") as file:
        if file.read(1) == b"{":
            raise WrongLearnerError(
                f"{path.name} is a model of river, and the learner is Vowpal Wabbit. Set "
                '`learner.kind = "river"`, or make a new model with `freshet backfill` and '
                "promote it."
            )
    header, (expected, _length) = read_header(path), untrained(spec.args)
    if (header.bits, header.options) != (bits(spec), expected.options):
        raise WrongLearnerError(
            f"{path.name} was made with `-b {header.bits} {header.options}`, and the config means "
            f"`-b {bits(spec)} {expected.options}`. Undo the change of `learner.args` or "
            "`learner.interactions`, or make a new model with `freshet backfill` and promote it."
        )


def bits(spec: LearnerSpec) -> int:
    """The ``--bit_precision`` of a spec, which is silent about VW's default."""
    name = "--bit_precision"
    if name in spec.args:
        return int(spec.args[spec.args.index(name) + 1])
    return int(OPTIONS[name].default)
