"""What all routes share: settings, converter, registry, snapshots, the live model, the counters."""

from __future__ import annotations

import os
from pathlib import Path

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.registry import Registry
from learners.registry.row_types import utc_now
from learners.snapshots.store import SnapshotStore
from serve.access.credentials import Credentials
from serve.access.guard import Guard
from serve.http.access_log import AccessLog
from serve.http.body import Bodies
from serve.http.prometheus_counters import Counters
from serve.http.thread_pools import Threads
from serve.http.turns import Turns
from serve.live.explaining import Explaining
from serve.live.live_model import LiveModel
from serve.live.log_appender import Appender
from serve.live.log_looks import LogLooks
from serve.live.remembering import Remembering
from serve.live.repeated_requests import RepeatedRequests
from serve.live.version_loader import Loader
from serve.rows.readers import Readers

# Threads that wait for others, by what they wait for. An append takes milliseconds: what more
# could wait would not be answered in time.
APPENDS, WAITING_APPENDS = 4, 256
# Those with an Idempotency-Key wait for the registry as well, and must not keep the others waiting.
KEYED, WAITING_KEYED = 4, 256
READS, WAITING_READS = 4, 64
CHANGES, WAITING_CHANGES = 2, 16


class Service:
    """The parts of one server process.

    Raises:
        RegistryError: the registry cannot be used.
    """

    def __init__(self, settings: Settings, schema: Schema) -> None:
        self.settings = settings
        self.schema = schema
        self.counters = Counters()
        self.access_log = AccessLog(self.counters) if settings.serve.access_log else None
        self.credentials = Credentials(settings)
        self.bodies = Bodies(settings.serve)
        self.turns = Turns()
        self.appends = Threads("the log", APPENDS, WAITING_APPENDS)
        self.keyed = Threads("the registry and the log", KEYED, WAITING_KEYED)
        self.reads = Threads("the registry", READS, WAITING_READS)
        self.changes = Threads("a change of the registry", CHANGES, WAITING_CHANGES)
        self.looks = LogLooks(settings)
        self.registry = Registry(settings.registry, settings.model)
        self.snapshots = SnapshotStore(Path(settings.snapshots), _private_copies(settings))
        self.readers = Readers(self.registry, settings.serve, schema)
        loader = Loader(self.registry, self.snapshots, self.readers)
        self.live = LiveModel(loader, settings.serve.poll, self.counters)
        self.posts = RepeatedRequests(self.registry.database)
        self.appender = Appender(settings, self.posts)
        self.remembering = Remembering(settings, self.appender)
        self.guard = Guard(settings, self.credentials, self.counters)
        self.explaining = Explaining(settings, self.reads)
        self.started_at = utc_now()

    def close(self) -> None:
        """Close what is open."""
        for threads in (self.appends, self.keyed, self.reads, self.changes, self.looks):
            threads.close()
        self.live.close()
        self.remembering.close()
        self.appender.close()
        self.registry.close()
        if self.access_log is not None:
            self.access_log.close()


def _private_copies(settings: Settings) -> Path | None:
    """Where snapshots are copied before they are loaded: None for beside them.

    A server that has the snapshots mounted read-only copies into its own home.
    """
    folder = Path(settings.snapshots)
    return settings.home / "copies" if folder.exists() and not os.access(folder, os.W_OK) else None
