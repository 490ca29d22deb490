"""The routes of the learner's rollbacks: list, show, cancel. ``POST /rollback`` asks for one."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response

from learners.registry.errors import UnknownRollbackError
from learners.registry.row_types import Rollback as Row
from learners.registry.row_types import Status
from learners.versions.way_back import rollback_json
from serve.access.caller import caller_of
from serve.access.disclosure import rollback_shown
from serve.http.body import JSON, only_parameters
from serve.openapi.admin_requests import REASON, actor_of, changed, reason_of
from serve.openapi.declared_route import Parameter, Route
from serve.openapi.numbered import NUMBER, Rollback, number_in
from serve.service import Service


class Rollbacks:
    """The handlers of these routes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry

    async def list(self, request: Request) -> Response:
        """All of them, the newest last."""
        only_parameters(request)
        every = await self._service.reads.run(None, self._registry.rollbacks.all)
        status = await self._status()
        return _answer([_shown(each, request, status) for each in every])

    async def show(self, request: Request) -> Response:
        """One of them."""
        only_parameters(request)
        number = _number(request)
        found = await self._service.reads.run(None, self._registry.rollbacks.find, number)
        return _answer(_shown(found, request, await self._status()))

    async def cancel(self, request: Request) -> Response:
        """Cancel one that the learner has not claimed."""
        only_parameters(request, ("reason",))
        reason, number, actor = reason_of(request), _number(request), actor_of(request)
        what = self._registry.rollbacks.cancel, number, reason, actor
        doubt = f"the rollback may still be cancelled. GET /rollbacks/{number} says whether it is."
        found = await changed(self._service.changes, request, doubt, *what)
        return _answer(_shown(found, request, None))

    async def _status(self) -> Status | None:
        """The learner's last heartbeat, which knows how far a replay is."""
        return await self._service.reads.run(None, self._registry.writer.status)


def _answer(content: object) -> Response:
    return Response(orjson.dumps(content), media_type=JSON)


def _shown(rollback: Row, request: Request, status: Status | None) -> dict[str, Any]:
    found = rollback_json(rollback, status)
    return found if caller_of(request).is_admin else rollback_shown(found)


def _number(request: Request) -> int:
    """The number of a rollback in a path."""
    return number_in(request.path_params["number"], UnknownRollbackError, "rollback")


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    rollbacks = Rollbacks(service)
    number = Parameter("number", "path", "The rollback's number.", NUMBER)
    about: dict[str, Any] = {"answer": Rollback, "scope": "read", "failures": (404, 503)}
    return [
        Route(
            "GET",
            "/rollbacks",
            rollbacks.list,
            "List the rollbacks of the learner",
            "The newest last. `POST /rollback` asks for one.",
            **about | {"answer": list[Rollback], "failures": (503,)},
        ),
        Route(
            "GET",
            "/rollbacks/{number}",
            rollbacks.show,
            "Show a rollback of the learner",
            "Whether the learner has done it, and which version it made of it.",
            parameters=[number],
            **about,
        ),
        Route(
            "DELETE",
            "/rollbacks/{number}",
            rollbacks.cancel,
            "Cancel a rollback of the learner",
            "Possible until the learner has claimed it. What is served stays as it is. "
            "An admin route.",
            parameters=[number, REASON],
            writes=True,
            **about | {"scope": "admin", "failures": (400, 404, 409, 503, 504)},
        ),
    ]
