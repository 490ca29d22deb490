"""Which schemas were in force before one that follows the live lineage's."""

from __future__ import annotations

from dataclasses import replace

import structlog

from converters.schema.writer_schema import WriterSchema
from learners.registry import Registry
from learners.registry.row_types import Lineage, Positions
from stream.resolved_config import (
    ResolvedConfig,
    WrittenUntil,
    context_of,
    with_writers,
    writers_of,
)

log = structlog.get_logger()


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
        own = WriterSchema.of(context_of(context.settings, live).schema)
    elif live.schema_hash != context.schema.hash:
        log.warning(
            "the columns of the learner's model are not known, for an older release began it: rows "
            "without a columns header are read by this config's; to have them kept, start 'freshet "
            "learn' once with the config that the model was created with",
            lineage=live.serial,
        )
    return before if own == now else (*before, WrittenUntil(until, own))


def with_columns_before(context: ResolvedConfig, registry: Registry) -> ResolvedConfig:
    """The same, for a file: it may have the columns that the model's rows have had till now."""
    live = registry.versions.live_lineage()
    if live is None:
        return context
    known = with_writers(context, schemas_before(context, registry, live, {})).schema
    return replace(context, schema=known)
