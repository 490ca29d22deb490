"""A model's config, resolved: settings, schema and learner, and what they fix for a lineage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from converters.config.learning_settings import LateLabelSettings
from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners import choose
from learners.learner import LearnerSpec

# Keys of late_labels that the first models do not have.
NEWER = ("allow_corrections", "label_wait", "max_labels")
# Sections that decide which examples are trained on, or how scores are adjusted.
SCORING = ("imbalance", "calibration")


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A model's config, resolved."""

    settings: Settings
    schema: Schema
    spec: LearnerSpec


def resolve(settings: Settings, schema: Schema) -> ResolvedConfig:
    """The context that a config describes."""
    spec = choose.spec_for(settings.learner, schema.interactions)
    choose.check_weights(settings.imbalance, schema, spec)
    choose.shadow_specs(settings, schema)
    return ResolvedConfig(settings, schema, spec)


def learner_json(context: ResolvedConfig) -> dict[str, Any]:
    """The settings besides the schema that decide the fold; fixed for a lineage."""
    settings = context.settings
    return {
        **context.spec.to_json(),
        "late_labels": _late_labels(settings.late_labels),
        "duplicates": settings.duplicates.model_dump(mode="json"),
        **{name: dumped for name in SCORING if (dumped := _changed(getattr(settings, name)))},
    }


def _late_labels(late: LateLabelSettings) -> dict[str, Any]:
    """The rules of joining; a key newer than some models is left out at its default.

    Whether features are compressed in memory does not affect what is learned.
    """
    defaults = LateLabelSettings().model_dump(mode="json")
    dumped = late.model_dump(mode="json", exclude={"memory"})
    return {k: v for k, v in dumped.items() if k not in NEWER or v != defaults[k]}


def _changed(section: BaseModel) -> dict[str, Any]:
    return section.model_dump(mode="json", exclude_defaults=True)
