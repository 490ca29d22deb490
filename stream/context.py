"""What stays the same for the life of a pipeline: settings, schema, learner, and what follows.

Made once from the config by every command of the stream; :mod:`stream.checkpoint` makes and loads
pipelines under it, :mod:`stream.reading` converts records by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from converters.rows import RowReader
from converters.schema import Schema
from converters.settings import Settings
from learners import choose
from learners.base import LearnerSpec
from learners.intake import intake_for
from stream.reading import RecordReader
from stream.topics import topics_of


@dataclass(frozen=True, slots=True)
class Context:
    """A model's config, resolved."""

    settings: Settings
    schema: Schema
    spec: LearnerSpec


def context_of(settings: Settings, schema: Schema) -> Context:
    """The context that a config describes."""
    spec = choose.spec_for(settings.learner, schema.interactions)
    choose.check_weights(schema, spec)
    return Context(settings, schema, spec)


def learner_json(context: Context) -> dict[str, Any]:
    """What decides the fold besides the schema; a lineage keeps it from its begin to its end."""
    settings = context.settings
    return {
        **context.spec.to_json(),
        "late_labels": settings.late_labels.model_dump(mode="json"),
        "duplicates": settings.duplicates.model_dump(mode="json"),
    }


def record_reader(context: Context) -> RecordReader:
    """The conversion of the model's records."""
    labels = topics_of(context.settings).labels
    return RecordReader(RowReader(context.schema), intake_for(context.spec), labels)
