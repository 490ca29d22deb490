"""What all routes share: settings, converter, registry, snapshots, the live model, the counters.

Made once by :mod:`serve.app`, handed to every route. Nothing in it is specific to one route.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from converters.config.settings import Settings
from converters.convert.records import RowReader
from converters.schema.schema import Schema
from learners.registry import Registry, utc_now
from learners.snapshots import SnapshotStore
from serve.http.body import Limits
from serve.http.counters import Measures
from serve.live.live_model import LiveModel
from serve.live.loading import Loader
from serve.live.log_appender import Appender
from serve.rows.request_rows import RequestReader


@dataclass(frozen=True)
class Service:
    """The parts of one server process."""

    settings: Settings
    schema: Schema
    rows: RowReader
    reader: RequestReader
    limits: Limits
    registry: Registry
    snapshots: SnapshotStore
    live: LiveModel
    appender: Appender
    measures: Measures
    started_at: datetime

    def close(self) -> None:
        """Close what is open."""
        self.live.close()
        self.appender.close()
        self.registry.close()


def assemble(settings: Settings, schema: Schema) -> Service:
    """Open what a server needs.

    Raises:
        RegistryError: the registry cannot be used.
    """
    registry = Registry(settings.registry, settings.model)
    snapshots = SnapshotStore(Path(settings.snapshots), _private_copies(settings))
    measures = Measures()
    rows = RowReader(schema)
    return Service(
        settings=settings,
        schema=schema,
        rows=rows,
        reader=RequestReader(rows, settings.serve.max_rows),
        limits=Limits.of(settings.serve),
        registry=registry,
        snapshots=snapshots,
        live=LiveModel(Loader(registry, snapshots, schema), settings.serve.poll, measures),
        appender=Appender(settings, registry.repeated_requests),
        measures=measures,
        started_at=utc_now(),
    )


def _private_copies(settings: Settings) -> Path | None:
    """Where snapshots are copied to be loaded: beside them, where the learner cleans up.

    A server may have the snapshots mounted read-only; then it copies into its own home.
    """
    folder = Path(settings.snapshots)
    return settings.home / "copies" if folder.exists() and not os.access(folder, os.W_OK) else None
