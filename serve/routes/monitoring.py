"""``/status``, ``/metrics`` and ``/health/*``: the state of server, model and learner.

:class:`Observer` collects the state as one JSON document, at most twice a second.
:mod:`serve.http.prometheus_gauges` turns it into Prometheus' metrics, printed after the server's
own counters.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from time import monotonic
from typing import NamedTuple

import orjson
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel

from converters.errors import FreshetError
from learners.registry.errors import RegistryUnavailableError
from learners.registry.row_types import (
    Adoption,
    Entry,
    Quarantine,
    Rollback,
    Status,
    Version,
    iso,
    utc_now,
)
from learners.report.ancestry import Ancestry, TrainedOn
from learners.snapshots.disk import unwritable
from learners.versions.describe import adoption_json, entry_json, version_json
from learners.versions.model_state import (
    State,
    learner_state,
    measures,
    quarantines_state,
    served_state,
)
from learners.versions.way_back import rollback_json
from serve.access.caller import caller_of
from serve.access.disclosure import REGISTRY, TOKENS, TROUBLE, state_shown
from serve.http.body import JSON, only_parameters
from serve.http.problems import RETRY, Kind, problem
from serve.http.prometheus_gauges import Gauges
from serve.live.version_loader import Served
from serve.openapi.declared_route import Route
from serve.service import Service

KEPT_SECONDS = 0.5
SHOWN_VERSIONS, SHOWN_ENTRIES = 12, 12
# A registry that answers later does not answer: the dashboard asks each second.
PATIENCE_SECONDS = 1.0


class Answers(NamedTuple):
    """What the registry says at one time."""

    status: Status | None
    versions: list[Version]
    entries: list[Entry]
    adoption: Adoption | None
    rollback: Rollback | None
    quarantines: list[Quarantine]
    move: Entry | None


class Observer:
    """Collects the state for all requests, at most once in ``KEPT_SECONDS``.

    The registry is asked in a thread of its own, once at a time, however many wait for its answer.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._turn = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "state")
        self._asked: asyncio.Future[Answers] | None = None
        self._ancestry = Ancestry(service.registry)
        self._trained_on: dict[int, TrainedOn] = {}
        self._seen: State = {}
        self._seen_at = float("-inf")
        self._beat: Status | None = None
        self._move: Entry | None = None

    async def state(self) -> State:
        """The document; if the registry does not answer, its part is as last read."""
        async with self._turn:
            if monotonic() - self._seen_at > KEPT_SECONDS:
                self._seen = {**self._seen, **await self._look()}
                self._seen_at = monotonic()
        return self._seen

    async def _look(self) -> State:
        service = self._service
        state: State = {"model": service.settings.model, "at": iso(utc_now())}
        try:
            asked = await self._ask()
        except FreshetError as error:
            state |= self._server()
            unknown = {"measured_as": None, "why": "The registry does not answer."}
            served = state["served"]
            return state | {
                "served": served and served | unknown,
                "registry": {"reachable": False, "trouble": str(error)},
                "learner": self._learner(),
            }
        self._beat, self._move = asked.status, asked.move
        return state | self._told(asked, self._server())

    def _told(self, asked: Answers, server: State) -> State:
        """What the registry says, beside what this process knows."""
        rollback, status, versions = asked.rollback, asked.status, asked.versions
        return server | {
            **served_state(server["pointers"], server["served"], status, versions),
            "registry": {"reachable": True, "trouble": ""},
            "learner": self._learner(),
            "metrics": measures(status, versions),
            "adoption": adoption_json(asked.adoption),
            "rollback": None if rollback is None else rollback_json(rollback, status),
            "quarantines": quarantines_state(asked.quarantines),
            "versions": [
                version_json(version, self._trained_on[version.version], None, asked.adoption)
                for version in reversed(versions)
            ],
            "history": [entry_json(entry) for entry in reversed(asked.entries)],
        }

    def _learner(self) -> State | None:
        """The learner's last heartbeat, which grows old while the registry does not answer.

        On a full disk a learner cannot write one; a server beside it sees the disk.
        """
        settings = self._service.settings
        beside = settings.registry.startswith("sqlite:")
        trouble = unwritable(*settings.written_folders) if beside else ""
        return learner_state(self._beat, settings.late_labels.label_bound, trouble)

    async def _ask(self) -> Answers:
        """What the registry says; a question that is still open is not asked again."""
        patience = PATIENCE_SECONDS if self._asked is None else 0.0
        if self._asked is None:
            loop = asyncio.get_running_loop()
            self._asked = loop.run_in_executor(self._thread, self._answers)
        await asyncio.wait((self._asked,), timeout=patience)
        if not self._asked.done():
            raise RegistryUnavailableError("The registry does not answer.")
        asked, self._asked = self._asked, None
        return asked.result()

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
                "since": iso(self._since(served)),
                "loaded": iso(served.loaded_at),
            },
            "trouble": live.trouble,
        }

    def _since(self, served: Served) -> datetime:
        """When the version came to be served: its move in the ledger, not this process's start."""
        move = self._move
        return move.at if move and move.to_version == served.version else served.loaded_at

    def _answers(self) -> Answers:
        registry = self._service.registry
        versions = registry.versions.all(SHOWN_VERSIONS)
        self._trained_on = {v.version: self._ancestry.trained_on(v) for v in versions}
        return Answers(
            status=registry.writer.status(),
            versions=versions,
            entries=registry.ledger.entries(SHOWN_ENTRIES),
            adoption=registry.adoptions.pending(),
            rollback=registry.rollbacks.to_tell(),
            quarantines=registry.quarantines.in_force(),
            move=registry.ledger.last_move(),
        )


ALIVE = orjson.dumps({"status": "alive"})
NOT_READY = Kind(503, "not-ready", "Not ready", RETRY)
STATE = "State of server, model and learner"


class Health(BaseModel, extra="forbid"):
    """The process answers."""

    status: str


class Ready(Health):
    """The process answers and has a model."""

    version: int


class Monitoring:
    """The handlers of these routes."""

    def __init__(self, service: Service) -> None:
        self._live = service.live
        self._credentials = service.credentials
        self._counters = service.counters
        self._observer = Observer(service)
        self._writing = asyncio.Lock()

    async def alive(self) -> Response:
        """The process answers; the cheapest route, which benchmarks compare with."""
        return Response(ALIVE, media_type=JSON)

    async def ready(self) -> Response:
        """There is a model to score with, the registry answers, and callers can be let in.

        Anybody may ask: that there is trouble is said, and the log says which.
        """
        trouble = []
        if self._live.served is None:
            trouble.append("There is no model yet.")
            trouble += [TROUBLE] if self._live.trouble else []
        if self._live.registry_trouble is None:
            trouble.append("The registry has not been read yet.")
        elif self._live.registry_trouble:
            trouble.append(REGISTRY)
        if self._credentials.trouble():
            trouble.append(TOKENS)
        if trouble:
            return problem(NOT_READY, " ".join(trouble))
        assert self._live.served is not None
        return Response(
            orjson.dumps({"status": "ready", "version": self._live.served.version}),
            media_type=JSON,
        )

    async def status(self, request: Request) -> Response:
        """The state; the dashboard asks each second."""
        only_parameters(request)
        state = await self._observer.state()
        shown = state if caller_of(request).is_admin else state_shown(state)
        return Response(orjson.dumps(shown, option=orjson.OPT_NON_STR_KEYS), media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        """Metrics for Prometheus."""
        only_parameters(request)
        state = await self._observer.state()
        # In a thread: the counters of 64 worker processes take a tenth of a second to add up. In
        # one only, as each that computes takes the interpreter for 5 ms at a time.
        async with self._writing:
            text = await asyncio.to_thread(self._text, state)
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    def _text(self, state: State) -> bytes:
        gauges = CollectorRegistry()
        gauges.register(Gauges(state))
        return self._counters.text() + generate_latest(gauges)


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    own = Monitoring(service)
    health, ready = "/health/live", "/health/ready"
    text, available = (
        "Metrics for Prometheus",
        "Are a model, its registry and the file of tokens available?",
    )
    return [
        Route("GET", "/status", own.status, STATE, answer=State, scope="read", failures=(400,)),
        Route("GET", "/metrics", own.metrics, text, scope="metrics", failures=(400,)),
        Route("GET", health, own.alive, "Does the process run?", answer=Health),
        Route("GET", ready, own.ready, available, answer=Ready, failures=(503,)),
    ]
