"""The learners that run as shadows beside the served one, as the config describes them."""

from __future__ import annotations

from converters.config.learning_settings import ShadowSettings
from converters.config.settings import Settings
from converters.errors import UsageError
from converters.schema.crossing import crossed_again
from converters.schema.schema import Schema
from learners import choose
from learners.calibration import check_positive_weight
from learners.learner import LearnerSpec
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec


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


def _spec(shadow: ShadowSettings, settings: Settings, schema: Schema) -> LearnerSpec:
    pairs = schema.interactions
    if shadow.interactions is not None:
        pairs = crossed_again(schema.features, settings.columns, shadow.interactions)
    # Whether its package is there is seen when it is made: a shadow without one is no shadow, and
    # nothing else is hindered.
    spec = vw_spec(shadow.args, pairs) if shadow.kind == "vw" else river_spec(shadow.river, pairs)
    choose.check_weights(schema, spec)
    check_positive_weight(settings.imbalance, schema, spec)
    return spec
