"""The routes of versions: list, show, history.

They answer what the commands of the same names print.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, TypeVarTuple

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, Field

from converters.show.asked_times import NotATimeError, asked_moment
from learners.registry.errors import UnknownVersionError
from learners.registry.row_types import utc_now
from learners.report.ancestry import Ancestry
from learners.versions.describe import entry_json, full_json, version_json
from serve.access.caller import caller_of
from serve.access.disclosure import entry_shown, version_shown
from serve.http.body import JSON, only_parameters
from serve.http.problems import UnknownParameterError
from serve.http.thread_pools import Shared
from serve.openapi.cell_schema import TIME_PATTERN
from serve.openapi.declared_route import Parameter, Route
from serve.openapi.numbered import NUMBER, number_in
from serve.service import Service

SHOWN_WEIGHTS = 20
# Showing a version opens its model; the result changes only with the state of the version.
REMEMBERED_VERSIONS = 32

Arguments = TypeVarTuple("Arguments")


class Learner(BaseModel, extra="allow"):
    """What a version was trained with."""

    kind: Literal["vw", "river"]
    args: list[str]


class Version(BaseModel, extra="allow"):
    """A version; alone with its manifest, lineage and largest weights."""

    version: int
    parent: int | None
    state: Literal["verified", "refused", "candidate", "thinned"]
    model_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    learner: Learner
    schema_hash: str
    positions: dict[str, Any]
    events: int
    learned: int
    rejected: int
    created_at: datetime
    metrics: dict[str, Any]


class Entry(BaseModel, extra="allow"):
    """A line of the ledger."""

    seq: int
    at: datetime
    actor: str
    action: str
    reason: str
    version: int | None
    from_version: int | None = Field(alias="from")
    to_version: int | None = Field(alias="to")


class ServedAt(BaseModel, extra="allow"):
    """The version that was served at a time."""

    at: str
    version: int | None


class Versions:
    """The handlers of these routes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry
        self._show = lru_cache(REMEMBERED_VERSIONS)(self._shown)
        self._showing = asyncio.Lock()
        self._listing = Shared()

    async def list(self, request: Request) -> Response:
        """All versions, the newest last."""
        only_parameters(request)
        return await self._listed(self._list, caller_of(request).is_admin)

    async def show(self, request: Request) -> Response:
        """One version."""
        only_parameters(request)
        number = number_in(request.path_params["version"], UnknownVersionError, "version")
        async with self._showing:
            return await self._read(self._one, number, caller_of(request).is_admin)

    async def history(self, request: Request) -> Response:
        """The ledger; or, with ``at``, the version served then."""
        only_parameters(request, ("at",))
        at = request.query_params.get("at")
        if at is None:
            return await self._listed(self._history, caller_of(request).is_admin)
        return await self._read(self._served_at, at, _moment(at))

    async def _read(self, read: Callable[[*Arguments], bytes], *args: *Arguments) -> Response:
        """Answer with JSON that is read and written in a thread: there may be many versions."""
        return Response(await self._service.reads.run(None, read, *args), media_type=JSON)

    async def _listed(self, read: Callable[[bool], bytes], is_admin: bool) -> Response:
        """Answer with a list, which may be long, made once for all who wait for it."""

        async def listed() -> bytes:
            return await self._service.reads.run(None, read, is_admin)

        return Response(await self._listing.run((read, is_admin), listed), media_type=JSON)

    def _list(self, is_admin: bool) -> bytes:
        adoption = self._registry.adoptions.pending()
        ancestry, every = Ancestry(self._registry), self._registry.versions.all()
        versions = (version_json(v, ancestry.trained_on(v), None, adoption) for v in every)
        return _array(versions if is_admin else map(version_shown, versions))

    def _history(self, is_admin: bool) -> bytes:
        entries = map(entry_json, self._registry.ledger.entries())
        return _array(entries if is_admin else map(entry_shown, entries))

    def _served_at(self, at: str, moment: datetime) -> bytes:
        return _json({"at": at, "version": self._registry.ledger.served_at(moment)})

    def _one(self, number: int, is_admin: bool) -> bytes:
        version = self._registry.versions.find(number)
        return self._show(number, version.state, version.served, is_admin)

    def _shown(self, number: int, state: str, served: bool, is_admin: bool) -> bytes:
        """A version as ``show`` prints it; cached while its state stays the same."""
        del state, served
        version = self._registry.versions.find(number)
        trained_on = Ancestry(self._registry).trained_on(version)
        shown = full_json(version, trained_on, self._service.snapshots, SHOWN_WEIGHTS)
        return _json(shown if is_admin else version_shown(shown))


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)


def _array(items: Iterable[object]) -> bytes:
    """A list as JSON, written one by one: all at once would hold the interpreter."""
    return b"[%b]" % b",".join(map(_json, items))


def _moment(text: str) -> datetime:
    """The time in a query; the plus sign of an offset arrives as a blank."""
    for spelt in (text.replace(" ", "+"), text):
        try:
            return asked_moment(spelt, utc_now())
        except NotATimeError as error:
            told = error
    raise UnknownParameterError(f"at={told}")


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    versions = Versions(service)
    return [*_of_versions(versions), _of_history(versions)]


def _of_versions(versions: Versions) -> list[Route]:
    number = Parameter("version", "path", "The version's number.", NUMBER)
    return [
        Route(
            "GET",
            "/versions",
            versions.list,
            "List the versions",
            "The newest last.",
            answer=list[Version],
            failures=(503,),
            scope="read",
        ),
        Route(
            "GET",
            "/versions/{version}",
            versions.show,
            "Show a version",
            "Its manifest, metrics, lineage and largest weights.",
            parameters=[number],
            answer=Version,
            failures=(404, 503),
            scope="read",
        ),
    ]


def _of_history(versions: Versions) -> Route:
    at = Parameter(
        "at",
        "query",
        "A time in ISO 8601, or how long ago: `10 minutes ago`.",
        {"type": "string", "pattern": TIME_PATTERN},
    )
    return Route(
        "GET",
        "/history",
        versions.history,
        "Print the ledger",
        "Who changed the served version, when and why; with `at`, the version served then.",
        parameters=[at],
        answer=list[Entry] | ServedAt,
        failures=(400, 503),
        scope="read",
    )
