"""How everything stands, as one JSON document: what the page shows and ``/metrics`` prints.

Gathered from the live model and from the registry, where the learner leaves a heartbeat each
second; kept for half a second, so that a hundred open pages ask the registry no more than one.
"""

from __future__ import annotations

import asyncio
import os
from time import monotonic
from typing import Any

from converters.errors import FreshetError
from learners.registry import Entry, Status, Version, iso, utc_now
from learners.versions.describe import entry_json, version_json
from serve.service import Service

KEPT_SECONDS = 0.5
# A learner beats each second; a long checkpoint, or a log that is locked, may hold it up for some.
ALIVE_SECONDS = 25.0
SHOWN_VERSIONS, SHOWN_ENTRIES = 12, 12

State = dict[str, Any]
# Of the heartbeat, what is not a count of events or labels.
NOT_COUNTS = frozenset(
    {"events_per_second", "lag", "positions", "alive", "metrics"}
    | {"waiting_for", "waiting_since", "checkpoint_trouble"}
)


class Observer:
    """Looks at the service for all who ask."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turn = asyncio.Lock()
        self._seen: State = {}
        self._seen_at = float("-inf")

    async def state(self) -> State:
        """The document; what the registry cannot tell at the moment is as it last told."""
        async with self._turn:
            if monotonic() - self._seen_at > KEPT_SECONDS:
                self._seen = {**self._seen, **await self._look()}
                self._seen_at = monotonic()
        return self._seen

    async def _look(self) -> State:
        service = self._service
        state = {"model": service.settings.model, "at": iso(utc_now()), **self._server()}
        try:
            told = await asyncio.to_thread(self._ask)
        except FreshetError as error:
            return state | {"registry": {"reachable": False, "trouble": str(error)}}
        status, versions, entries = told
        return state | {
            "registry": {"reachable": True, "trouble": ""},
            "learner": _learner(status),
            "metrics": _metrics(status, versions),
            "versions": [version_json(version) for version in reversed(versions)],
            "history": [entry_json(entry) for entry in reversed(entries)],
        }

    def _server(self) -> State:
        service, live = self._service, self._service.live
        pointers, served = live.pointers, live.served
        return {
            "server": {"process": os.getpid(), "since": iso(service.started_at)},
            "pointers": {
                "serving": None if pointers is None else pointers.serving,
                "latest": None if pointers is None else pointers.latest,
                "pinned": pointers is not None and pointers.pinned,
            },
            "served": None
            if served is None
            else {
                "version": served.version,
                "model_sha256": served.model_sha256,
                "since": iso(served.loaded_at),
            },
            "trouble": live.trouble,
        }

    def _ask(self) -> tuple[Status | None, list[Version], list[Entry]]:
        registry = self._service.registry
        versions = registry.versions(SHOWN_VERSIONS)
        return registry.status(), versions, registry.ledger(SHOWN_ENTRIES)


def _learner(status: Status | None) -> State | None:
    """What the learner said last, and whether that is recent."""
    if status is None:
        return None
    said = status.status
    age = max(0.0, (utc_now() - status.at).total_seconds())
    lag = said.get("lag", {})
    return {
        "alive": bool(said.get("alive", True)) and age < ALIVE_SECONDS,
        "owner": status.owner,
        "heartbeat_age": round(age, 3),
        "events_per_second": said.get("events_per_second", 0.0),
        "lag": lag,
        "lag_records": sum(lag.values()),
        "waiting_for": said.get("waiting_for", ""),
        "waiting_since": said.get("waiting_since", ""),
        "checkpoint_trouble": said.get("checkpoint_trouble", ""),
        "counts": {name: n for name, n in said.items() if name not in NOT_COUNTS},
    }


def _metrics(status: Status | None, versions: list[Version]) -> State:
    """The learner's measures; after a restart, before its first word, those of its last version."""
    said: State = {} if status is None else status.status.get("metrics", {})
    return said or (versions[-1].metrics if versions else {})
