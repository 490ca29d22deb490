"""The routes of versions: list, show, history; and promote, rollback, unpin.

The first three answer what the commands of the same names print. The others change the registry and
answer once this process serves the result; other processes follow at their next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar, TypeVarTuple

import orjson
from fastapi import Request, Response
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)

from converters.cells.refusal import RefusedCellError
from converters.cells.times import time_ms
from learners.registry.actor import Actor, over_http
from learners.registry.errors import UnknownVersionError
from learners.versions.describe import entry_json, full_json, version_json
from serve.access.caller import caller_of, peer_of
from serve.access.disclosure import entry_shown, version_shown
from serve.http.body import JSON, only_parameters, parse
from serve.http.every_request import seconds_left
from serve.http.problems import (
    NotLoadedError,
    PerhapsChangedError,
    RowsRefusedError,
    ServedVersionChangedError,
    UnknownParameterError,
)
from serve.http.thread_pools import Shared
from serve.openapi.cell_schema import TIME_PATTERN
from serve.openapi.declared_route import Body, Handler, Parameter, Route
from serve.service import Service

SHOWN_WEIGHTS = 20
# Showing a version opens its model; the result changes only with the state of the version.
REMEMBERED_VERSIONS = 32
# A reason of the most characters, each escaped in JSON, takes 24 KB.
MOST_ASKED = 32 * 2**10
LARGEST_NUMBER = 2**31 - 1
# Digits alone: a schema of integers would allow 12.0, which is no address of a version.
NUMBER = {"type": "string", "pattern": "^[1-9][0-9]{0,9}$"}
ADMIN = (
    "An admin route: always needs `Authorization: Bearer TOKEN`. Answers when this process serves "
    "the result."
)

# More than blanks, which are cut off.
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000),
    WithJsonSchema({"type": "string", "pattern": r"\S", "maxLength": 2_000}),
]
M = TypeVar("M", bound=BaseModel)
Arguments = TypeVarTuple("Arguments")


def _whole(value: object) -> object:
    """A float without a fraction as the integer that it is in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Unpin(BaseModel):
    """Follow the learner again."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    reason: Reason = Field(description="kept in the ledger", examples=["corrected"])


class Move(Unpin):
    """Serve a version."""

    version: Annotated[int, BeforeValidator(_whole)] = Field(
        ge=1, le=LARGEST_NUMBER, description="its number", examples=[12]
    )
    learner: Literal["keep"] = Field(
        "keep", description="`keep`: the learner continues unchanged; the only choice so far"
    )
    skip: list[str] = Field(
        [], max_length=0, description="ranges to leave out of a replay; none with `keep`"
    )


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


class Pointers(BaseModel, extra="forbid"):
    """What is served now, and the learner's newest version."""

    version: int | None
    serving: int | None
    latest: int | None
    pinned: bool


def check(model: type[M], content: object) -> M:
    """A body as its model.

    Raises:
        RowsRefusedError: a field is missing, wrong or unknown; names it.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [
            {
                "column": ".".join(str(part) for part in each["loc"])[:200],
                "reason": each["type"],
                "detail": each["msg"],
            }
            for each in error.errors(include_url=False, include_input=False)
        ]
        first = "; ".join(f"{e['column'] or 'the body'}: {e['detail']}" for e in errors[:5])
        raise RowsRefusedError(f"Nothing was changed. {first}.", errors) from None


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
        number = _number(request.path_params["version"])
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
        versions = map(version_json, self._registry.versions.all())
        return _array(versions if is_admin else map(version_shown, versions))

    def _history(self, is_admin: bool) -> bytes:
        entries = map(entry_json, self._registry.ledger.entries())
        return _array(entries if is_admin else map(entry_shown, entries))

    def _served_at(self, at: str, moment: datetime) -> bytes:
        return _json({"at": at, "version": self._registry.ledger.served_at(moment)})

    def _one(self, number: int, is_admin: bool) -> bytes:
        version = self._registry.versions.find(number)
        return self._show(number, version.state, version.served, is_admin)

    async def promote(self, request: Request) -> Response:
        """Serve a version and keep serving it."""
        return await self._serve(request, "promote")

    async def rollback(self, request: Request) -> Response:
        """Serve a version again; the learner continues unchanged."""
        return await self._serve(request, "rollback")

    async def unpin(self, request: Request) -> Response:
        """Follow the learner again."""
        only_parameters(request)
        asked = check(Unpin, await self._content(request))
        by = _actor(request)
        await self._change(request, self._registry.serving.unpin, asked.reason, by)
        return await self._served(request)

    async def _serve(self, request: Request, action: Literal["promote", "rollback"]) -> Response:
        only_parameters(request)
        asked = check(Move, await self._content(request))
        await self._change(request, self._pin, action, asked, _actor(request))
        return await self._served(request, asked.version)

    async def _change(self, request: Request, act: Callable[..., object], *args: object) -> None:
        """Change the registry, if it answers in time."""
        try:
            await self._service.changes.run(seconds_left(request), act, *args)
        except TimeoutError:
            raise PerhapsChangedError(
                "The registry did not answer in time; the change may still be made. GET /history "
                "says whether it was: look there before you send it again."
            ) from None

    def _pin(self, action: Literal["promote", "rollback"], asked: Move, by: Actor) -> None:
        found = self._registry.versions.find(asked.version)
        if found.state not in ("thinned", "refused"):  # those the registry refuses by itself
            self._service.snapshots.manifest(found.snapshot)
        self._registry.serving.pin(action, asked.version, asked.reason, by)

    async def _content(self, request: Request) -> object:
        async with self._service.bodies.of(request, MOST_ASKED) as body:
            return parse(body)

    async def _served(self, request: Request, wanted: int | None = None) -> Response:
        """Answer once this process serves what is to be served."""
        pointers = await self._service.live.synced(seconds_left(request))
        if wanted is not None and pointers.serving != wanted:
            raise await self._not_served(wanted, pointers.serving)
        served = {"version": pointers.serving, "serving": pointers.serving}
        answer = {**served, "latest": pointers.latest, "pinned": pointers.pinned}
        return Response(_json(answer), media_type=JSON)

    async def _not_served(self, wanted: int, serving: int | None) -> Exception:
        """Why another version is served than the one asked for."""
        version = await asyncio.to_thread(self._registry.versions.find, wanted)
        if version.state == "refused":
            return NotLoadedError(
                f"Version {wanted} could not be served and is refused for good: {version.reason} "
                f"Version {serving} is served."
            )
        return ServedVersionChangedError(
            f"Version {wanted} was to be served, but meanwhile someone changed the served version "
            f"to {serving}. GET /history says who."
        )

    def _shown(self, number: int, state: str, served: bool, is_admin: bool) -> bytes:
        """A version as ``show`` prints it; cached while its state stays the same."""
        del state, served
        version = self._registry.versions.find(number)
        shown = full_json(version, self._service.snapshots, SHOWN_WEIGHTS)
        return _json(shown if is_admin else version_shown(shown))


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)


def _array(items: Iterable[object]) -> bytes:
    """A list as JSON, written one by one: all at once would hold the interpreter."""
    return b"[%b]" % b",".join(map(_json, items))


def _number(text: str) -> int:
    """The number of a version in a path."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_NUMBER):
        raise UnknownVersionError(
            f"{text[:20]!r} is not a version number; GET /versions lists them."
        )
    return int(text[:20])


def _moment(text: str) -> datetime:
    """The time in a query; the plus sign of an offset arrives as a blank."""
    for spelt in (text, text.replace(" ", "+")):
        try:
            return datetime.fromtimestamp(time_ms(spelt) / 1000, UTC)
        except (RefusedCellError, ValueError, OverflowError, OSError):
            continue
    raise UnknownParameterError(
        f"at={text[:40]!r} is not a time: write it as ISO 8601, for example 2026-01-31T08:15:00Z."
    )


def _actor(request: Request) -> Actor:
    """The caller, for the ledger."""
    return over_http(caller_of(request).name, peer_of(request.scope))


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    versions = Versions(service)
    return [*_reading(versions), *_changing(versions)]


def _reading(versions: Versions) -> list[Route]:
    number = Parameter("version", "path", "The version's number.", NUMBER)
    at = Parameter(
        "at", "query", "A time in ISO 8601.", {"type": "string", "pattern": TIME_PATTERN}
    )
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
        Route(
            "GET",
            "/history",
            versions.history,
            "Print the ledger",
            "Who changed the served version, when and why; with `at`, the version served then.",
            parameters=[at],
            answer=list[Entry] | ServedAt,
            failures=(400, 503),
            scope="read",
        ),
    ]


def _changing(versions: Versions) -> list[Route]:
    move = {"version": 12, "reason": "the data of the day is wrong"}
    unpin = {"reason": "the data is right again"}
    return [
        _admin("/promote", versions.promote, "Serve a version", Body(Move, {"body": move})),
        _admin(
            "/rollback",
            versions.rollback,
            "Serve an earlier version again",
            Body(Move, {"body": {**move, "learner": "keep"}}),
        ),
        _admin("/unpin", versions.unpin, "Follow the learner again", Body(Unpin, {"body": unpin})),
    ]


def _admin(path: str, handler: Handler, summary: str, body: Body) -> Route:
    failures = (400, 401, 403, 404, 409, 413, 415, 422, 503, 504)
    about: dict[str, Any] = {"body": body, "answer": Pointers, "failures": failures}
    return Route("POST", path, handler, summary, ADMIN, scope="admin", writes=True, **about)
