"""The routes of quarantines: list, show, add, remove."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from fastapi import Request, Response
from pydantic import Field

from learners.registry.actor import Actor
from learners.registry.errors import UnknownQuarantineError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.row_types import Quarantine as Row
from learners.registry.row_types import utc_now
from serve.access.caller import caller_of
from serve.access.disclosure import quarantine_shown
from serve.http.body import JSON, only_parameters
from serve.http.every_request import seconds_left
from serve.live.log_looks import Pace
from serve.openapi.admin_requests import (
    REASON,
    Reason,
    actor_of,
    asked_of,
    changed,
    reason_of,
    refusal,
)
from serve.openapi.declared_route import Body, Parameter, Route
from serve.openapi.numbered import NUMBER, number_in
from serve.openapi.skipped_records import Previewed, Quarantine, Quarantined, Skipping
from serve.service import Service
from stream.log.contract import EventLog
from stream.log.topics import topics_of
from stream.quarantine.asked_ranges import Asked, resolved
from stream.quarantine.listing import quarantine_json
from stream.quarantine.preview import Preview, preview_of

NUMBERED = Parameter("number", "path", "The quarantine's number.", NUMBER)
COMMAND = "quarantine add"
DOUBT = "the quarantine may still be changed. GET /quarantines says whether it is."


class Added(Skipping):
    """Records that nobody is to learn who reads the log again."""

    reason: Reason | None = Field(
        None, description="kept in the ledger; required without `preview`", examples=["shifted"]
    )
    preview: bool = Field(False, description="only say what these records hold; change nothing")


class Quarantines:
    """The handlers of these routes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry

    async def list(self, request: Request) -> Response:
        """All of them, removed ones too, the newest last."""
        only_parameters(request)
        is_admin = caller_of(request).is_admin

        def read() -> bytes:
            every = self._registry.quarantines.all()
            return orjson.dumps([_shown(each, is_admin=is_admin) for each in every])

        return Response(await self._service.reads.run(None, read), media_type=JSON)

    async def show(self, request: Request) -> Response:
        """One of them."""
        only_parameters(request)
        found = await self._service.reads.run(
            None, self._registry.quarantines.find, _number(request)
        )
        return _answer(_shown(found, is_admin=caller_of(request).is_admin))

    async def add(self, request: Request) -> Response:
        """Look the records up in the log, then put them into quarantine."""
        only_parameters(request)
        asked = await asked_of(self._service.bodies, Added, request)
        _check(asked)
        words, looks = asked.asked(), self._service.looks
        look = self._previewed if asked.preview else self._found
        found = await looks.run(
            seconds_left(request), COMMAND, lambda log, pace: look(log, words, pace)
        )
        if isinstance(found, Preview):
            return _answer(found.to_json())
        add, by = partial(self._added, asked), actor_of(request)
        return _answer(await changed(self._service.changes, request, DOUBT, add, found, by))

    async def remove(self, request: Request) -> Response:
        """Have the records learned again, wherever the log is read again."""
        only_parameters(request, ("reason",))
        reason, number = reason_of(request), _number(request)
        what = self._registry.quarantines.remove, number, reason, actor_of(request)
        found = await changed(self._service.changes, request, DOUBT, *what)
        return _answer(_shown(found, is_admin=True))

    def _found(self, log: EventLog, asked: Asked, pace: Pace) -> OffsetRanges:
        return resolved(log, topics_of(self._service.settings), asked, utc_now(), pace)

    def _previewed(self, log: EventLog, asked: Asked, pace: Pace) -> Preview:
        config = self._service.settings, self._service.schema
        return preview_of(log, self._registry, config, self._found(log, asked, pace), pace)

    def _added(self, asked: Added, held: OffsetRanges, by: Actor) -> dict[str, Any]:
        known = {each.number for each in self._registry.quarantines.all()}
        words, reason = asked.asked().to_json(), asked.reason or ""
        found = self._registry.quarantines.add(words, held, reason, by)
        return quarantine_json(found) | {"changed": found.number not in known}


def _check(asked: Added) -> None:
    """Refuse what names nothing, or gives no reason."""
    if not asked.asked():
        detail = "name records here, or in skip_time"
        raise refusal([{"column": "skip", "reason": "missing", "detail": detail}])
    if asked.reason is None and not asked.preview:
        detail = "required, as the ledger keeps it"
        raise refusal([{"column": "reason", "reason": "missing", "detail": detail}])


def _answer(content: object) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


def _shown(found: Row, *, is_admin: bool) -> dict[str, Any]:
    told = quarantine_json(found)
    return told if is_admin else quarantine_shown(told)


def _number(request: Request) -> int:
    """The number of a quarantine in a path."""
    return number_in(request.path_params["number"], UnknownQuarantineError, "quarantine")


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    own = Quarantines(service)
    return [*_reading(own), *_changing(own, topics_of(service.settings).events)]


def _reading(own: Quarantines) -> list[Route]:
    about: dict[str, Any] = {"scope": "read", "failures": (404, 503)}
    return [
        Route(
            "GET",
            "/quarantines",
            own.list,
            "List the quarantines",
            "Records of the log that nobody learns who reads it again; the newest last, removed "
            "ones too.",
            **about | {"answer": list[Quarantine], "failures": (503,)},
        ),
        Route(
            "GET",
            "/quarantines/{number}",
            own.show,
            "Show a quarantine",
            "Which records it holds, who added it, and why.",
            answer=Quarantine,
            parameters=[NUMBERED],
            **about,
        ),
    ]


def _changing(own: Quarantines, topic: str) -> list[Route]:
    about: dict[str, Any] = {"scope": "admin", "writes": True}
    add: dict[str, Any] = {"skip": [f"{topic}:0:0"], "reason": "a column was shifted"}
    return [
        Route(
            "POST",
            "/quarantines",
            own.add,
            "Keep records from being learned again",
            "Times are looked up in the log once, up to its end as it is now. What has learned the "
            "records stays as it is. An admin route.",
            body=Body(Added, {"add": add, "preview": {**add, "preview": True}}),
            answer=Quarantined | Previewed,
            failures=(400, 404, 413, 415, 422, 503),
            **about,
        ),
        Route(
            "DELETE",
            "/quarantines/{number}",
            own.remove,
            "Remove a quarantine",
            "Its records are learned again wherever the log is read again. An admin route.",
            parameters=[NUMBERED, REASON],
            answer=Quarantine,
            failures=(400, 404, 503),
            **about,
        ),
    ]
