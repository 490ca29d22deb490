"""A model's config, resolved: settings, schema and learner, and what they fix for a lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import BaseModel

from converters.config.learning_settings import LateLabelSettings
from converters.config.settings import Settings
from converters.schema.schema import Schema, from_settings
from converters.schema.writer_schema import WriterSchema
from learners import choose
from learners.learner import LearnerSpec
from learners.registry.row_types import Fixed, Positions

# Keys of late_labels that the first models do not have.
NEWER = ("allow_corrections", "label_wait", "max_labels")
# Sections that decide which examples are trained on, or how scores are adjusted.
SCORING = ("imbalance", "calibration")


@dataclass(frozen=True, slots=True)
class WrittenUntil:
    """The schema by which rows without names were written, before these positions."""

    until: Positions
    schema: WriterSchema

    def to_json(self) -> dict[str, Any]:
        """As a lineage keeps it."""
        return {"until": self.until, "schema": self.schema.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; JSON has turned partitions into text."""
        until = {
            topic: {int(partition): offset for partition, offset in offsets.items()}
            for topic, offsets in content["until"].items()
        }
        return cls(until, WriterSchema.from_json(content["schema"]))


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A model's config, resolved.

    Attributes:
        settings: all of it.
        schema: the reader's.
        spec: the learner's.
        writers: the schemas in force before ``schema``, the oldest first.
    """

    settings: Settings
    schema: Schema
    spec: LearnerSpec
    writers: tuple[WrittenUntil, ...] = ()


def fixed(context: ResolvedConfig) -> Fixed:
    """What a config fixes for a lineage that begins with it."""
    writers = [each.to_json() for each in context.writers]
    return Fixed(learner_json(context), context.schema.hash, deciding(context), writers)


# The sections that decide what is learned; each lineage keeps its own.
DECIDING = {"columns", "label", "record", "learner", "late_labels", "duplicates"} | set(SCORING)


def deciding(context: ResolvedConfig) -> dict[str, Any]:
    """Everything in a config that decides what is learned, as a lineage keeps it."""
    settings = context.settings
    found = settings.model_dump(mode="json", include=DECIDING)
    found["learner"]["kind"] = context.spec.kind
    found["late_labels"].pop("memory")
    # Whether a setting of a column is given can matter, even if it is its default.
    only = settings.model_dump(mode="json", include={"columns"}, exclude_unset=True)
    found["columns"] = only["columns"]
    return found | {"csv": {"delimiter": settings.csv.delimiter}}


def of_lineage(
    settings: Settings, config: Mapping[str, Any], writers: Sequence[WrittenUntil] = ()
) -> ResolvedConfig:
    """The config that a lineage keeps, with what decides nothing from today's settings.

    Raises:
        UsageError: this release cannot learn by it.
    """
    today = settings.model_dump(mode="python")
    own = {name: dict(section) for name, section in config.items()}
    own["late_labels"] |= {"memory": settings.late_labels.memory}
    own["csv"] |= {"encoding": settings.csv.encoding}
    found = Settings.model_validate(today | own)
    return with_writers(resolve(found, from_settings(found)), writers)


def with_writers(context: ResolvedConfig, writers: Sequence[WrittenUntil]) -> ResolvedConfig:
    """The same with the schemas that were in force before."""
    known = {name for each in writers for name in each.schema.names}
    schema = replace(context.schema, former=frozenset(known - set(context.schema.names)))
    return replace(context, schema=schema, writers=tuple(writers))


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
