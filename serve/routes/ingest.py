"""``POST /events`` and ``POST /labels``: rows over HTTP become records of the log.

The answer 202, with the positions of the records, means that they are on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from pydantic import BaseModel, Field

from learners.registry.row_types import StoredResponse
from serve.http.body import JSON, media_type, only_parameters
from serve.http.every_request import seconds_left
from serve.http.problems import RowsRefusedError
from serve.http.turns import Work
from serve.live.ingest_warnings import IngestWarnings, StreamWatch, Warned
from serve.live.log_appender import Warn, Which
from serve.live.repeated_requests import KEY_HEADER, REPLAYED, Key, key_of
from serve.openapi.declared_route import BODY_FAILURES, Route
from serve.openapi.row_models import event_rows, label_rows
from serve.rows.appended_records import Counted, IngestReader
from serve.service import Service
from stream.log.contract import LogUnavailableError

# What rows with a key wait for.
KEYED_ON = "The log, or the registry that keeps the keys,"
# Not declared as a parameter: whether a key is right depends on the requests before it, which no
# schema can say.
ONCE = f"Requests with the same header `{KEY_HEADER}` are done once, for a day."
# Events or labels: the records of a body, checked by a reader, known by a time at the latest.
RecordsOf = Callable[[IngestReader, str, bytes, int], Work[list[Counted]]]


class Position(BaseModel, extra="forbid"):
    """Where a record is on the log."""

    topic: str
    partition: int
    offset: int
    rows: int = Field(description="how many rows the record has")


class Appended(BaseModel, extra="forbid"):
    """The rows are on disk."""

    rows: int
    positions: list[Position]
    warnings: list[Warned] = Field(default_factory=list, description="only if there are some")


class Ingest:
    """The handlers of both routes."""

    def __init__(self, service: Service) -> None:
        self._appender = service.appender
        self._appends, self._keyed = service.appends, service.keyed
        self._bodies = service.bodies
        self._turns = service.turns
        self._counters = service.counters
        self._readers = service.readers
        self._stream = StreamWatch(service.registry, service.reads)
        timed = service.schema.only("time") is not None
        self._warnings = IngestWarnings(service.settings, timed=timed)

    async def events(self, request: Request) -> Response:
        """Append event rows."""
        return await self._append(request, "events", IngestReader.events)

    async def labels(self, request: Request) -> Response:
        """Append labels."""
        return await self._append(request, "labels", IngestReader.labels)

    async def _append(
        self,
        request: Request,
        which: Which,
        records_of: RecordsOf,
    ) -> Response:
        only_parameters(request)
        kind = media_type(request)
        async with self._bodies.of(request) as body:
            try:
                records = await self._turns.run(self._records(records_of, kind, body), len(body))
            except RowsRefusedError as error:
                for reason, rows in error.reasons.items():
                    self._counters.rows_refused.labels(f"/{which}", reason).inc(rows)
                raise
            key = await self._turns.run(key_of(request, kind, body), len(body))
            stream = await self._stream.known()
            codes: list[str] = []

            def warn(newest: Callable[[], int | None]) -> list[dict[str, Any]]:
                now = int(time.time() * 1000)
                found = self._warnings.of(records, stream, now, newest)
                codes.extend(warning["code"] for warning in found)
                return found

            response, replayed = await self._accepted(request, which, records, key, warn)
        if not replayed:
            appended = sum(each.rows for each in records)
            self._counters.rows_appended.labels(which).inc(appended)
            for code in codes:
                self._counters.ingest_warnings.labels(code).inc()
        headers = REPLAYED if replayed else None
        return Response(response.body, response.status, headers, JSON)

    def _records(self, records_of: RecordsOf, kind: str, body: bytes) -> Work[list[Counted]]:
        """The records of a body that one of the schemas takes; else what the config's refuses.

        Raises:
            RowsRefusedError: none takes it.
        """
        refused: RowsRefusedError | None = None
        now = int(time.time() * 1000)
        for readers in self._readers.learning:
            try:
                return (yield from records_of(readers.ingest, kind, body, now))
            except RowsRefusedError as error:
                refused = refused or error
        assert refused is not None
        raise refused

    async def _accepted(
        self,
        request: Request,
        which: Which,
        records: list[Counted],
        key: Key | None,
        warn: Warn,
    ) -> tuple[StoredResponse, bool]:
        """The appender's answer, if it comes in time."""
        threads, asked = (self._appends, "The log") if key is None else (self._keyed, KEYED_ON)
        try:
            left = seconds_left(request)
            return await threads.run(left, self._appender.accept, which, records, key, warn)
        except TimeoutError:
            raise LogUnavailableError(
                f"{asked} did not answer in time; the rows may still be appended. Send them again: "
                "rows with an id are counted once, and so are all with the same Idempotency-Key."
            ) from None


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    ingest, schema = Ingest(service), service.schema
    common: dict[str, Any] = {
        "answer": Appended,
        "status": 202,
        "failures": (*BODY_FAILURES, 409),
        "scope": "ingest",
        "writes": True,
    }
    return [
        Route(
            "POST",
            "/events",
            ingest.events,
            "Append event rows",
            "A row, a list of rows, or CSV with a header. All or none: a bad row refuses all. "
            f"{ONCE}",
            body=event_rows(schema),
            **common,
        ),
        Route(
            "POST",
            "/labels",
            ingest.labels,
            "Append labels",
            "Objects of `id`, `label` and, if it was known earlier than now, `time`; or CSV of "
            f"these, with or without a header. All or none. {ONCE}",
            body=label_rows(schema),
            **common,
        ),
    ]
