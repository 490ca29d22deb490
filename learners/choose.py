"""Picks the learner that the config names, and opens it; the way to every learner.

Stands between the two learners and everything above them. Importing this module imports neither
vowpalwabbit nor river: a command that needs no learner does not wait for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from converters.errors import UsageError
from converters.settings import LearnerSettings
from learners.base import Learner, LearnerModule, LearnerSpec, WrongLearnerError
from learners.river_arguments import river_spec
from learners.vw_arguments import vw_spec

_MODULES = {"vw": "learners.vw", "river": "learners.river"}
_PACKAGES = {"vw": "vowpalwabbit", "river": "river"}


def spec_for(settings: LearnerSettings, namespaces: Mapping[str, str]) -> LearnerSpec:
    """What the config's learner computes.

    Args:
        settings: the config's section ``learner``.
        namespaces: the namespace letter of each feature column that is crossed.

    Raises:
        UsageError: the arguments are wrong, or the learner's package cannot be imported.
    """
    pairs = [(_letter(namespaces, a), _letter(namespaces, b)) for a, b in settings.interactions]
    if _kind(settings) == "vw":
        return vw_spec(settings.args, pairs)
    return river_spec(settings.river, pairs)


def create(spec: LearnerSpec) -> Learner:
    """A learner that knows nothing yet."""
    return _module(spec.kind).create(spec)


def load(spec: LearnerSpec, path: Path) -> Learner:
    """The learner saved at ``path``.

    Raises:
        NonFiniteError: a saved weight is not finite.
        WrongLearnerError: the file is another kind's, or was made with other arguments.
    """
    return _module(spec.kind).load(spec, path)


def _kind(settings: LearnerSettings) -> str:
    if settings.kind != "auto":
        _module(settings.kind)
        return settings.kind
    try:
        _module("vw")
    except UsageError as error:
        try:
            _module("river")
        except UsageError:
            raise error from None
        import structlog  # half of this module's import time, for a line that is rarely said

        structlog.get_logger(__name__).warning(
            "vowpalwabbit cannot be imported: this model is learned by river instead, without "
            "`learner.args`",
            cause=str(error.__cause__),
            learner="river",
        )
        return "river"
    return "vw"


def _module(kind: str) -> LearnerModule:
    if kind not in _MODULES:
        raise WrongLearnerError(
            f"A learner of kind `{kind}` is unknown here; known are {', '.join(_MODULES)}. The "
            "snapshot was made by a newer Freshet: install that one."
        )
    try:
        return cast("LearnerModule", import_module(_MODULES[kind]))
    except ImportError as error:
        other = "river" if kind == "vw" else "vw"
        raise UsageError(
            f"learner.kind: the package {_PACKAGES[kind]} cannot be imported ({error}). Install "
            f'it, or set `learner.kind = "{other}"`, which makes a new model.'
        ) from error


def _letter(namespaces: Mapping[str, str], column: str) -> str:
    letter = namespaces.get(column, "")
    if not letter:
        raise UsageError(
            f"learner.interactions names '{column}', which is not a feature column; crossed can "
            f"be {', '.join(sorted(namespaces)) or 'none'}."
        )
    return letter
