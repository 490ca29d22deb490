"""A model's config, resolved: settings, schema and learner, and what they fix for a lineage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Self

from pydantic import BaseModel, ValidationError

from converters.cells.kind import FIRST_CONVERTER, check_converter
from converters.config.learning_settings import LateLabelSettings, ShadowSettings, ValueSettings
from converters.config.settings import Settings
from converters.errors import UsageError
from converters.schema.name_history import former_names, with_meanings
from converters.schema.passthrough import passthrough_of
from converters.schema.schema import Schema, from_settings
from converters.schema.writer_schema import WriterSchema
from learners import choose
from learners.learner import LearnerSpec
from learners.registry.row_types import (
    CONVERTER,
    Fixed,
    Json,
    Lineage,
    Positions,
    converter_of,
)

# Keys of late_labels that the first models do not have.
NEWER = ("allow_corrections", "label_wait", "max_labels")
# Sections that decide which examples are trained on, or how scores are adjusted.
SCORING = ("imbalance", "calibration")


class WrittenUntil(NamedTuple):
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


class ResolvedConfig(NamedTuple):
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

    def read_by(self, converter: int) -> ResolvedConfig:
        """The same, reading cells as this version of the converter does.

        Raises:
            UnknownConverterError: this release does not have that version.
        """
        return self._replace(schema=self.schema.read_by(converter))


def fixed(context: ResolvedConfig) -> Fixed:
    """What a config fixes for a lineage that begins with it."""
    writers = [each.to_json() for each in context.writers]
    return Fixed(learner_json(context), context.schema.hash, deciding(context), writers)


# The sections that decide what is learned; each lineage keeps its own.
DECIDING = {"columns", "label", "record", "learner", "late_labels", "duplicates"} | set(SCORING)


def deciding(context: ResolvedConfig) -> dict[str, Any]:
    """Everything in a config that decides what is learned, as a lineage keeps it.

    Of a column only what is set: some keys may not be set beside others, some have to be. The
    converter's version only if it is not the first, so that older releases can take the lineage.
    """
    settings = context.settings
    found = settings.model_dump(mode="json", include=DECIDING - {"columns"})
    found["columns"] = {
        name: column.model_dump(mode="json", exclude_unset=True)
        for name, column in settings.columns.items()
    }
    found["learner"]["kind"] = context.spec.kind
    found["late_labels"].pop("memory")
    found["csv"] = {"delimiter": settings.csv.delimiter}
    if context.schema.converter != FIRST_CONVERTER:
        found[CONVERTER] = context.schema.converter
    return found


def of_lineage(
    settings: Settings, config: Json, writers: Sequence[WrittenUntil] = ()
) -> ResolvedConfig:
    """The config that a lineage keeps, with what decides nothing from today's settings.

    A key that is newer than the lineage has its default, whatever today's settings say. Of what is
    measured only that is taken which the lineage's columns allow.

    Raises:
        UsageError: this release cannot learn by it.
        UnknownConverterError: it does not have the version of the converter.
    """
    check_converter(converter_of(config))
    try:
        kept = {name: section for name, section in config.items() if name != CONVERTER}
        own = Settings.model_validate({"model": settings.model, **kept})
        sections: dict[str, Any] = {name: getattr(own, name) for name in DECIDING}
        memory, encoding = settings.late_labels.memory, settings.csv.encoding
        sections["late_labels"] = own.late_labels.model_copy(update={"memory": memory})
        sections["csv"] = own.csv.model_copy(update={"encoding": encoding})
        found = settings.model_copy(update=sections)
        schema = from_settings(found, converter_of(config))
        resolved = resolve(_measurable(found, schema), schema)
    except ValidationError as error:
        keys = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise UsageError(_unlearnable(f"it does not know {keys} as they are there")) from None
    except UsageError as error:
        raise UsageError(_unlearnable(str(error))) from error
    return with_writers(resolved, writers)


def _unlearnable(why: str) -> str:
    return (
        "The registry keeps a config for this model's learner by which this release of Freshet "
        f"cannot learn: {why} Continue with the release that began it; or build a model under "
        "today's config with 'freshet backfill log --fresh', and promote it."
    )


def _measurable(settings: Settings, schema: Schema) -> Settings:
    """The settings with those measures that the schema's columns allow.

    What is measured is no part of a lineage's config; today's may name columns of another one.
    """
    slices, value = settings.evaluation.slices, settings.value
    for name in slices or ():
        if not _fits(settings, schema, slices=(name,)):
            slices = tuple(each for each in slices or () if each != name)
    if value is not None and not _fits(settings, schema, value=value):
        value = value.model_copy(update={"scale": ""})
    shadows = tuple(s for s in settings.shadow if _fits(settings, schema, shadows=(s,)))
    evaluation = settings.evaluation.model_copy(update={"slices": slices})
    return settings.model_copy(update={"evaluation": evaluation, "value": value, "shadow": shadows})


def _fits(
    settings: Settings,
    schema: Schema,
    slices: tuple[str, ...] = (),
    value: ValueSettings | None = None,
    shadows: tuple[ShadowSettings, ...] = (),
) -> bool:
    evaluation = settings.evaluation.model_copy(update={"slices": slices})
    parts = {"evaluation": evaluation, "value": value, "shadow": shadows}
    try:
        only = settings.model_copy(update=parts)
        passthrough_of(only, schema)
        choose.shadow_specs(only, schema)
    except UsageError:
        return False
    return True


def context_of(settings: Settings, lineage: Lineage) -> ResolvedConfig:
    """The config of a lineage that keeps one.

    Raises:
        UsageError: this release cannot learn by it.
    """
    assert lineage.config is not None, "of a lineage whose config is not known"
    return of_lineage(settings, lineage.config, writers_of(lineage))


def writers_of(lineage: Lineage) -> tuple[WrittenUntil, ...]:
    """The schemas in force before a lineage's own."""
    return tuple(WrittenUntil.from_json(each) for each in lineage.writers or ())


def schemas_in_force(context: ResolvedConfig) -> list[Json]:
    """The schemas by which rows without names are read, the last the one that holds now."""
    own = WrittenUntil({}, WriterSchema.of(context.schema))
    return [each.to_json() for each in (*context.writers, own)]


def with_writers(context: ResolvedConfig, writers: Sequence[WrittenUntil]) -> ResolvedConfig:
    """The same with the schemas that were in force before."""
    schemas = [*(each.schema for each in writers), WriterSchema.of(context.schema)]
    former = former_names(schemas)
    renamed = tuple((name, column) for name, column in former.items() if column)
    schema = replace(context.schema, former=frozenset(former), renamed=renamed)
    read = zip(writers, with_meanings(schemas), strict=True)
    by = tuple(each._replace(schema=meant) for each, meant in read)
    return context._replace(schema=schema, writers=by)


def resolve(settings: Settings, schema: Schema) -> ResolvedConfig:
    """The context that a config describes."""
    spec = choose.spec_for(settings.learner, schema.interactions)
    choose.check_weights(settings.imbalance, schema, spec)
    choose.shadow_specs(settings, schema)
    passthrough_of(settings, schema)
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
