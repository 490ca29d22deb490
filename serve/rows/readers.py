"""What requests need of each schema that the model has had: readers of rows, and their bounds.

A version is asked with rows of any time, read under its own schema. Rows to be learned are checked
by the config's schema, or by that under which the learner works or will work, if only that takes
them: the config of a server and the learner's need not change at the same moment, and no row that
one of them can learn from is turned away.
"""

from __future__ import annotations

from dataclasses import dataclass

from converters.config.settings import ServeSettings
from converters.convert.cell_watch import CellWatch
from converters.convert.records import RowReader
from converters.schema.schema import Schema
from learners.registry import Registry
from learners.registry.row_types import Version
from learners.versions.own_schema import KnownSchemas, as_learned
from serve.rows.appended_records import IngestReader
from serve.rows.crosses import Crosses
from serve.rows.request_rows import RequestReader
from serve.rows.row_limits import RowLimits


@dataclass(frozen=True, eq=False, slots=True)
class SchemaReaders:
    """Of one schema.

    Attributes:
        schema: it, with the names that rows of other times have.
        requests: reads rows to be scored.
        ingest: checks rows to be learned.
        crosses: bounds what scoring them takes.
        labels: what answers call (negative, positive).
    """

    schema: Schema
    requests: RequestReader
    ingest: IngestReader
    crosses: Crosses
    labels: tuple[str, str]

    @classmethod
    def of(cls, schema: Schema, serve: ServeSettings) -> SchemaReaders:
        """Make them; compiling a schema takes some milliseconds."""
        limits = RowLimits.of(serve, len(schema.columns))
        watch = CellWatch(schema)
        requests = RequestReader(RowReader(schema, None, watch.conversion), limits, watch)
        return cls(
            schema, requests, IngestReader(requests), Crosses(schema), schema.label_spellings
        )


class Readers:
    """Those of a model; made anew only for a schema about which more is known than before.

    The registry is read on one thread, whoever asks for the attributes.

    Attributes:
        today: of the config's schema; as the learner reads cells, if it learns by that config.
        learning: of the schemas by which rows to be learned are checked, in this order.

    Raises:
        RegistryError: the registry cannot be read.
    """

    today: SchemaReaders
    learning: tuple[SchemaReaders, ...]

    def __init__(self, registry: Registry, serve: ServeSettings, today: Schema) -> None:
        self._registry = registry
        self._serve = serve
        self._today = today
        self._known = KnownSchemas(registry, today)
        self._made: dict[str, SchemaReaders] = {}
        self._take()

    def of(self, version: Version) -> SchemaReaders:
        """Those of a version that is to be served, and under which the learner may soon work.

        Raises:
            UnservableVersionError: the version's schema is not known.
            RegistryError: the registry cannot be read.
        """
        self._known.look()
        self._known.of(version)
        self._take(version.schema_hash)
        return self._made[version.schema_hash]

    def _take(self, *served: str) -> None:
        learner = self._registry.versions.live_lineage()
        live = () if learner is None else (learner.schema_hash,)
        today = as_learned(self._today, learner).hash
        wanted = [own for own in (today, *live, *served) if own in self._known.by_hash]
        for own in wanted:
            schema = self._known.by_hash[own]
            if own not in self._made or self._made[own].schema != schema:
                self._made[own] = SchemaReaders.of(schema, self._serve)
        self.today = self._made[today]
        self.learning = tuple(self._made[own] for own in dict.fromkeys(wanted))
