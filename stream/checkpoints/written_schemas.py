"""Which schemas were in force before one that follows the live lineage's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from converters.cells.kind import UnknownConverterError
from converters.config.kafka_settings import RecordSettings
from converters.config.settings import Settings
from converters.errors import UsageError
from converters.logger import log
from converters.schema.schema import Schema
from converters.schema.writer_schema import WriterSchema
from learners.registry import Registry
from learners.registry.errors import NoRegistryError, RegistryError
from learners.registry.row_types import Json, Lineage, Positions
from learners.versions.own_schema import as_learned
from stream.resolved_config import (
    ResolvedConfig,
    WrittenUntil,
    context_of,
    resolve,
    with_writers,
    writers_of,
)


def schemas_before(
    context: ResolvedConfig, registry: Registry, live: Lineage, until: Positions
) -> tuple[WrittenUntil, ...]:
    """The schemas by which rows without names were written before these positions.

    Args:
        context: the config that holds from there on.
        registry: tells whether the live lineage ever learned something: if not, its config was
            just wrong, and no row was written by it.
        live: the lineage whose schema holds until there.
        until: where that ends.
    """
    before = writers_of(live)
    if registry.serving.pointers().latest is None:
        return before
    own, now = WriterSchema.of(context.schema), WriterSchema.of(context.schema)
    if live.config is not None:
        own = _layout(context.settings, live, live.config)
    elif live.schema_hash != context.read_by(live.converter).schema.hash:
        log.warning(
            "the columns of the learner's model are not known, for an older release began it: rows "
            "without a columns header are read by this config's; to have them kept, start 'freshet "
            "learn' once with the config that the model was created with",
            lineage=live.serial,
        )
    return before if own == now else (*before, WrittenUntil(until, own))


def _layout(settings: Settings, live: Lineage, config: Json) -> WriterSchema:
    """How rows are laid out under a lineage's config, also where this release cannot learn by it.

    Building a model beside that one is the way out then: what its config says besides is not asked.
    """
    try:
        return WriterSchema.of(context_of(settings, live).schema)
    except UnknownConverterError:
        raise
    except UsageError:
        columns: Json = config["columns"]
        known = RecordSettings.model_fields.keys() & config["record"].keys()
        record = RecordSettings(**{key: config["record"][key] for key in known})
        was = ((name, tuple(each["was"])) for name, each in columns.items() if each.get("was"))
        return WriterSchema(
            tuple(columns),
            config["csv"]["delimiter"],
            record.extra == "ignore",
            record.fields,
            record.labels_fields,
            tuple(was),
        )


def schemas_of_journal(
    context: ResolvedConfig, schemas: list[Json] | None, until: Positions
) -> tuple[WrittenUntil, ...]:
    """The same without a registry that knows the learner: as the journal tells.

    Args:
        context: the config that holds from there on.
        schemas: what the journal says, if there is one.
        until: where its last schema ends.
    """
    if schemas is None:
        return ()
    if not schemas:
        log.warning(
            "the journal does not tell the columns of the model that was learned before, which an "
            "older release began: rows without a columns header are read by this config's"
        )
        return ()
    *before, last = map(WrittenUntil.from_json, schemas)
    now = WriterSchema.of(context.schema)
    return (*before, *([] if last.schema == now else [last._replace(until=until)]))


def with_columns_before(context: ResolvedConfig, registry: Registry) -> ResolvedConfig:
    """The same, for a file: it may have the columns that the model's rows have had till now."""
    live = registry.versions.live_lineage()
    if live is None:
        return context
    known = with_writers(context, schemas_before(context, registry, live, {})).schema
    return context._replace(schema=known)


def schema_of_file(settings: Settings, schema: Schema, header: Sequence[str]) -> Schema:
    """The schema by which a file is read for the learner: times as its model reads them.

    With the columns that the model has had, if the file has such. Without a registry, or if it does
    not answer and the file has the config's columns, it is the config's.

    Raises:
        RegistryError: what an unknown column may have been cannot be looked up.
    """
    others = bool(schema.column_names.unknown(header))
    place = settings.registry, settings.model
    try:
        with closing(Registry(*place, read_only=True)) as registry:
            if others:
                schema = with_columns_before(resolve(settings, schema), registry).schema
            return as_learned(schema, registry.versions.live_lineage())
    except RegistryError as error:
        if others and not isinstance(error, NoRegistryError):
            raise
        return schema
