"""``/status``, ``/metrics`` and ``/health/*``: the state of server, model and learner.

:class:`Observer` collects the state as one JSON document, at most twice a second; :class:`Gauges`
turns it into Prometheus' metrics, beside the server's own counters.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from time import monotonic
from typing import Any

import orjson
from fastapi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel

from converters.errors import FreshetError
from learners.registry import Entry, Status, Version, iso, utc_now
from learners.versions.describe import entry_json, version_json
from serve.http.body import JSON
from serve.http.problems import RETRY, Kind, problem
from serve.openapi.route import Route
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
        versions = registry.versions.all(SHOWN_VERSIONS)
        return registry.writer.status(), versions, registry.ledger.entries(SHOWN_ENTRIES)


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


ALIVE = orjson.dumps({"status": "alive"})
NOT_READY = Kind(503, "not-ready", "Not ready", RETRY)
# Measures of progressive validation that are exported, and over what, by the names of the report.
MEASURES = (
    *("log_loss", "auc", "pr_auc", "brier", "ece", "accuracy", "lift"),
    *("base_rate", "base_rate_log_loss"),
)
VIEWS = ("window", "recent", "faded")
# Contenders that are always the learner's own.
NO_SHADOWS = {"base_rate", "raw"}


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
        self._measures = service.measures
        self._observer = Observer(service)

    async def alive(self) -> Response:
        """The process runs and answers; the cheapest route, and so the yardstick."""
        return Response(ALIVE, media_type=JSON)

    async def ready(self) -> Response:
        """There is a model to score with, and the registry that says which one."""
        trouble = []
        if self._live.served is None:
            trouble.append(f"There is no model yet. {self._live.trouble}".strip())
        if self._live.registry_trouble is None:
            trouble.append("The registry has not been read yet.")
        elif self._live.registry_trouble:
            trouble.append(self._live.registry_trouble)
        if trouble:
            return problem(NOT_READY, " ".join(trouble))
        assert self._live.served is not None
        return Response(
            orjson.dumps({"status": "ready", "version": self._live.served.version}),
            media_type=JSON,
        )

    async def status(self) -> Response:
        """How everything stands; the page asks each second."""
        state = orjson.dumps(await self._observer.state(), option=orjson.OPT_NON_STR_KEYS)
        return Response(state, media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        """Everything for Prometheus."""
        del request
        gauges = CollectorRegistry()
        gauges.register(Gauges(await self._observer.state()))
        return Response(
            self._measures.text() + generate_latest(gauges), media_type=CONTENT_TYPE_LATEST
        )


class Gauges(Collector):
    """The state of one moment as Prometheus' gauges."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterable[Metric]:
        """One family for each thing that is known."""
        state = self._state
        served, learner = state.get("served") or {}, state.get("learner") or {}
        plain = {
            "served_version": ("Version that this process serves.", served.get("version")),
            "serving_version": ("Version to be served.", state["pointers"]["serving"]),
            "latest_version": ("The learner's newest version.", state["pointers"]["latest"]),
            "pinned": ("Whether the served version is pinned.", state["pointers"]["pinned"]),
            "registry_up": ("Whether the registry answers.", state["registry"]["reachable"]),
            "learner_up": ("Whether the learner is alive.", learner.get("alive", False)),
            "learner_waiting": (
                "Whether the learner waits for its log, its registry or a disk.",
                bool(learner.get("waiting_for")),
            ),
            "learner_checkpoint_failing": (
                "Whether the learner's last checkpoint failed.",
                bool(learner.get("checkpoint_trouble")),
            ),
            "learner_heartbeat_age_seconds": (
                "Seconds since the learner's last word.",
                learner.get("heartbeat_age"),
            ),
            "learner_events_per_second": (
                "Event rows a second.",
                learner.get("events_per_second"),
            ),
        }
        for name, (meaning, value) in plain.items():
            yield from _gauge(name, meaning, value)
        yield _lag(learner.get("lag", {}))
        yield _counts(learner.get("counts", {}))
        yield from _measures(state.get("metrics") or {})


def _gauge(name: str, meaning: str, value: float | None) -> Iterator[Metric]:
    """A gauge without labels; none if its value is not known."""
    if value is not None:
        yield GaugeMetricFamily(f"freshet_{name}", meaning, value=float(value))


def _lag(lag: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "freshet_learner_lag_records",
        "Records that the learner has yet to read.",
        labels=["topic", "partition"],
    )
    for place, records in lag.items():
        topic, _, partition = place.rpartition(":")
        family.add_metric([topic, partition], records)
    return family


def _counts(counts: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(
        "freshet_learner_rows", "Rows by what became of them, over the lineage.", labels=["count"]
    )
    for name, number in counts.items():
        family.add_metric([name], number)
    return family


def _measures(metrics: dict[str, Any]) -> Iterator[Metric]:
    """Progressive validation: of the learner and of all that is measured beside it."""
    for name in MEASURES:
        family = GaugeMetricFamily(
            f"freshet_{name}", f"Progressive {name}.", labels=["learner", "over"]
        )
        for learner, report in measured(metrics).items():
            views = {"all": report} | {view: report.get(view) or {} for view in VIEWS}
            for over, values in views.items():
                if values.get(name) is not None:
                    family.add_metric([learner, over], values[name])
        yield family
    yield _value(metrics.get("value") or {})
    yield _failed(metrics)


def measured(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The reports of the learner, of the frozen copy, and of the others by their names."""
    return {
        "live": metrics,
        "static": metrics.get("static") or {},
        **(metrics.get("contenders") or {}),
    }


def _failed(metrics: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(
        "freshet_shadow_failed",
        "Whether a shadow has failed and is scored no more.",
        labels=["shadow"],
    )
    failed = metrics.get("shadow_troubles") or {}
    shadows = {*failed, *(metrics.get("contenders") or {})} - NO_SHADOWS
    for name in sorted(shadows):
        family.add_metric([name], name in failed)
    return family


def _value(value: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(
        "freshet_value", "What decisions have been worth, over the lineage.", labels=["decisions"]
    )
    for decisions in ("served", "never", "always", "static"):
        if value.get(decisions) is not None:
            family.add_metric([decisions], value[decisions])
    return family


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    monitoring = Monitoring(service)
    return [
        Route(
            method="GET",
            path="/status",
            handler=monitoring.status,
            summary="State of server, model and learner",
            answer=dict[str, Any],
        ),
        Route(
            method="GET",
            path="/metrics",
            handler=monitoring.metrics,
            summary="Metrics for Prometheus",
        ),
        Route(
            method="GET",
            path="/health/live",
            handler=monitoring.alive,
            summary="Does the process run?",
            answer=Health,
        ),
        Route(
            method="GET",
            path="/health/ready",
            handler=monitoring.ready,
            summary="Are a model and its registry available?",
            answer=Ready,
            failures=(503,),
        ),
    ]
