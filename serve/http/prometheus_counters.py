"""Prometheus' counters of the server: requests, rows, models loaded; answered by ``GET /metrics``.

With several server processes the counters are in files that all of them map
(``PROMETHEUS_MULTIPROC_DIR``), so that any process answers for all.
"""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

# No second series per counter for when it was created.
disable_created_metrics()  # type: ignore[no-untyped-call]

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
REQUEST_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LOAD_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Counters:
    """The counters of one application.

    Attributes:
        rows_scored, rows_appended (by topic), rows_refused (by route and reason), rows_remembered
            (new, or repeated): rows.
        absent, unseen (by column): rows scored without a value, and with one that is not known.
        ingest_warnings (by code): requests that were answered with one.
        requests_refused (by reason): requests that the guard did not let through.
        access_lines_lost: lines of the access log that could not be written.
        load_seconds: of each version loaded.
        load_failures: versions not loaded (``condemned``: marked unusable for every server).
        connections, connections_closed (by reason): of this process, and for want of room.
    """

    def __init__(self) -> None:
        self._registry = here = CollectorRegistry()
        self._requests = self._counter("requests", "Requests answered.", "route", "status")
        self._seconds = Histogram(
            "freshet_request_seconds",
            "Seconds from a request's head to its whole answer.",
            ["route"],
            buckets=REQUEST_BUCKETS,
            registry=here,
        )
        self._count_rows()
        warned = "Requests to append rows that were answered with a warning."
        self.ingest_warnings = self._counter("ingest_warnings", warned, "code")
        refused = "Requests that their token, host or origin did not allow."
        self.requests_refused = self._counter("requests_refused", refused, "reason")
        lost = "Lines of the access log that could not be written in time."
        self.access_lines_lost = self._counter("access_log_lines_lost", lost)
        self.load_seconds = Histogram(
            "freshet_model_load_seconds",
            "Seconds to load a version and see that it is right.",
            buckets=LOAD_BUCKETS,
            registry=here,
        )
        failures = "Versions marked unusable (condemned=true), or not fit for this server."
        self.load_failures = self._counter("model_load_failures", failures, "condemned")
        self.connections = Gauge(
            "freshet_connections", "Open connections.", multiprocess_mode="livesum", registry=here
        )
        full = "Connections closed for want of room: idle ones evicted, requests refused."
        self.connections_closed = self._counter("connections_closed", full, "reason")
        if MULTIPROCESS in os.environ:
            _forget_dead(Path(os.environ[MULTIPROCESS]))
        self._of_route: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def _count_rows(self) -> None:
        self.rows_scored = self._counter("rows_scored", "Rows scored over HTTP.")
        self.rows_appended = self._counter("rows_appended", "Rows appended to a topic.", "topic")
        self.rows_remembered = self._counter("rows_remembered", "Rows scored and appended.", "row")
        self.rows_refused = self._counter("rows_refused", "Rows refused.", "route", "reason")
        odd = "Rows scored over HTTP {} of this column."
        self.absent = self._counter("absent_features", odd.format("without a value"), "column")
        unlisted = odd.format("with a value that is not in the list")
        self.unseen = self._counter("unseen_values", unlisted, "column")
        self.rows_explained = self._counter("rows_explained", "Rows whose score was explained.")

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"freshet_{name}", meaning, labels, registry=self._registry)

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        found = self._of_route.get((route, status))
        if found is None:
            found = self._requests.labels(route, str(status)), self._seconds.labels(route)
            self._of_route[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """All counters in Prometheus' text format, summed over the server processes."""
        if MULTIPROCESS not in os.environ:
            return generate_latest(self._registry)
        everyone = CollectorRegistry()
        MultiProcessCollector(everyone)  # type: ignore[no-untyped-call]
        return generate_latest(everyone)


def _forget_dead(folder: Path) -> None:
    """Drop what killed processes have told of themselves; this one may replace one of them."""
    for path in folder.glob("gauge_live*.db"):
        process = int(path.stem.rpartition("_")[2])
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            mark_process_dead(process, str(folder))  # type: ignore[no-untyped-call]
