"""Picks the learners that the config names, and opens them.

Importing this module imports neither vowpalwabbit nor river: a command that needs no learner does
not wait for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import cast

from converters.cells.quantities import MOST
from converters.config.learning_settings import (
    PAIRS,
    ImbalanceSettings,
    LearnerSettings,
    ShadowSettings,
)
from converters.config.settings import Settings
from converters.errors import UsageError
from converters.logger import log
from converters.schema.crossing import crossed_again
from converters.schema.schema import Schema
from learners.control_column import CONTROL, pairs_with_control
from learners.learner import (
    Learner,
    LearnerModule,
    LearnerSpec,
    NamedWeights,
    NameGroup,
    WrongLearnerError,
)
from learners.line_bounds import bounds_for
from learners.river.arguments import forest_spec, river_spec
from learners.vw.arguments import vw_spec

_MODULES = {
    "vw": "learners.vw.learner",
    "river": "learners.river.learner",
    "river-forest": "learners.river.forest",
}
_PACKAGES = {"vw": "vowpalwabbit", "river": "river", "river-forest": "river"}


def spec_for(settings: LearnerSettings, pairs: Sequence[tuple[str, str]]) -> LearnerSpec:
    """What the config's learner computes.

    Args:
        settings: the config's section ``learner``.
        pairs: the namespace letters that the schema crosses.

    Raises:
        UsageError: the arguments are wrong, or the learner's package cannot be imported.
    """
    if _kind(settings) == "vw":
        return vw_spec(settings.args, pairs)
    return river_spec(settings.river, pairs, every=settings.interactions == PAIRS)


def check_weights(imbalance: ImbalanceSettings, schema: Schema, spec: LearnerSpec) -> None:
    """See that no row weighs more than the learner can take, nor a positive one.

    Raises:
        UsageError: one may; names the key.
    """
    column, most = schema.only("weight"), bounds_for(spec).most_weight
    heaviest = 1.0
    if column is not None:
        heaviest = MOST if column.settings.max is None else column.settings.max
        if heaviest > most:
            raise UsageError(
                f"columns.{column.name}.max is {heaviest:g}, and with these `learner.args` a row "
                f"may weigh {most:g} at most: more would destabilise the model. Set max = "
                f"{most:g}, and make the weights of all rows smaller by one factor."
            )
    positive = imbalance.positive_weight
    if positive != 1 and positive * heaviest > most:
        raise UsageError(
            f"imbalance.positive_weight is {positive:g} and a row weighs up to {heaviest:g}, but "
            f"with these `learner.args` an example may weigh {most:g} at most: more would "
            "destabilise the model. Learn fewer negatives instead (imbalance.negative_share = "
            f"{1 / max(positive, 1):g} has the same effect on the odds), or lower the weights."
        )


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


def weights_in(spec: LearnerSpec, path: Path, lines: Iterable[str]) -> dict[str, float]:
    """The weight of each feature of lines, by readable name, in the model saved at ``path``.

    Raises as :func:`load`.
    """
    return _module(spec.kind).weights_in(spec, path, lines)


def named_weights(spec: LearnerSpec, path: Path, groups: Sequence[NameGroup]) -> NamedWeights:
    """The weights of the model saved at ``path``, with the names that they may be of.

    Args:
        spec: what it was learned with.
        path: its file.
        groups: the names that are known, in the order in which a row's text has them.

    Raises as :func:`load`.
    """
    return _module(spec.kind).named_weights(spec, path, groups)


def readable_model(spec: LearnerSpec, path: Path) -> bytes:
    """The model saved at ``path`` as text for people; raises as :func:`load`."""
    return _module(spec.kind).readable_model(spec, path)


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
        log.warning(
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


def shadow_specs(settings: Settings, schema: Schema) -> dict[str, LearnerSpec]:
    """What the config's shadows compute, by name.

    Raises:
        UsageError: a name is there twice, or arguments are wrong; names the key.
    """
    specs: dict[str, LearnerSpec] = {}
    for at, shadow in enumerate(settings.shadow):
        if shadow.name in specs:
            raise UsageError(f"shadow.{at}.name: there are two shadows called '{shadow.name}'.")
        try:
            specs[shadow.name] = _spec(shadow, settings, schema)
        except UsageError as error:
            raise UsageError(f"shadow.{at} ('{shadow.name}'): {error}") from None
    return specs


def _control_spec(shadow: ShadowSettings, settings: Settings, schema: Schema) -> LearnerSpec:
    for key in ("args", "interactions"):
        if getattr(shadow, key):
            raise UsageError(
                f"a control does not heed `{key}`: it learns as the learner does. Remove the key."
            )
    return spec_for(settings.learner, pairs_with_control(schema.interactions))


def _spec(shadow: ShadowSettings, settings: Settings, schema: Schema) -> LearnerSpec:
    if shadow.kind == CONTROL:
        return _control_spec(shadow, settings, schema)
    if shadow.kind == "river-forest":
        spec = _forest_spec(shadow)
        check_weights(settings.imbalance, schema, spec)
        return spec
    pairs = schema.interactions
    if shadow.interactions is not None:
        pairs = crossed_again(schema.features, settings.columns, shadow.interactions)
    # Its package is first looked for when it is created: a shadow without one is left out, and
    # nothing else is hindered.
    if shadow.kind == "vw":
        spec = vw_spec(shadow.args, pairs)
    else:
        named = shadow.interactions
        crossed = settings.learner.interactions if named is None else named
        spec = river_spec(shadow.river, pairs, every=crossed == PAIRS)
    check_weights(settings.imbalance, schema, spec)
    return spec


def _forest_spec(shadow: ShadowSettings) -> LearnerSpec:
    for key in ("args", "interactions"):
        if getattr(shadow, key):
            raise UsageError(
                f"a forest does not heed `{key}`: its trees cross the columns by themselves. "
                "Remove the key; `forest` holds the arguments."
            )
    return forest_spec(shadow.forest)
