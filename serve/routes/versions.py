"""The routes of versions: list, show, history; and promote, rollback, unpin.

The readers print what the commands of the same names print. The movers change the registry, then
wait until this very process serves what they asked for; other processes follow at their next look.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from converters.cells.refusal import RefusedCellError
from converters.cells.times import time_ms
from learners.registry import Pointers, UnknownVersionError, Version
from learners.versions.describe import entry_json, full_json, version_json
from serve.http.body import JSON, only_parameters, parse, read
from serve.http.problems import (
    MovedOnError,
    NotLoadedError,
    RowsRefusedError,
    UnknownParameterError,
)
from serve.http.security import authorize
from serve.service import Service

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
M = TypeVar("M", bound=BaseModel)


class Unpin(BaseModel):
    """Follow the learner again."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    reason: Reason = Field(description="why; kept in the ledger", examples=["mended"])


class Move(Unpin):
    """Serve a version."""

    version: int = Field(ge=1, le=2**31 - 1, description="its number", examples=[12])
    learner: Literal["keep"] = Field(
        "keep", description="`keep`: the learner goes on as it is; this release knows no other"
    )
    skip: list[str] = Field(
        [], max_length=0, description="ranges to leave out of a replay; none with `keep`"
    )


def check(model: type[M], content: object) -> M:
    """A body as what it must be.

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
        told = "; ".join(f"{e['column'] or 'the body'}: {e['detail']}" for e in errors[:5])
        raise RowsRefusedError(f"Nothing was moved. {told}.", errors) from None


SHOWN_WEIGHTS = 20
# Showing a version opens its model; what was shown does not change but for its state.
REMEMBERED_VERSIONS = 32
LARGEST_NUMBER = 2**31 - 1


class Versions:
    """The routes, and what they need of the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry
        self._show = lru_cache(REMEMBERED_VERSIONS)(self._shown)
        self._showing = asyncio.Lock()

    async def list(self, request: Request) -> Response:
        """All versions, the newest last."""
        only_parameters(request)
        found = await asyncio.to_thread(self._registry.versions.all)
        return _json([version_json(version) for version in found])

    async def show(self, request: Request) -> Response:
        """One version."""
        only_parameters(request)
        number = _number(request.path_params["version"])
        version = await asyncio.to_thread(self._registry.versions.find, number)
        async with self._showing:
            shown = await asyncio.to_thread(self._show, number, version.state, version.served)
        return _json(shown)

    async def history(self, request: Request) -> Response:
        """The ledger; or, with ``at``, the version that was served then."""
        only_parameters(request, ("at",))
        at = request.query_params.get("at")
        if at is None:
            entries = await asyncio.to_thread(self._registry.ledger.entries)
            return _json([entry_json(entry) for entry in entries])
        version = await asyncio.to_thread(self._registry.ledger.served_at, _moment(at))
        return _json({"at": at, "version": version})

    async def promote(self, request: Request) -> Response:
        """Serve a version and go on serving it."""
        return await self._serve(request, "promote")

    async def rollback(self, request: Request) -> Response:
        """Serve a version again; the learner goes on as it is."""
        return await self._serve(request, "rollback")

    async def unpin(self, request: Request) -> Response:
        """Follow the learner again."""
        self._authorize(request)
        asked = check(Unpin, await self._content(request))
        await asyncio.to_thread(self._registry.serving.unpin, asked.reason, _actor(request))
        return await self._served()

    async def _serve(self, request: Request, action: Literal["promote", "rollback"]) -> Response:
        self._authorize(request)
        asked = check(Move, await self._content(request))
        found = await asyncio.to_thread(self._registry.versions.find, asked.version)
        if found.state not in ("thinned", "refused"):  # those the registry refuses by itself
            await asyncio.to_thread(self._service.snapshots.manifest, found.snapshot)
        serve = self._registry.serving.pin
        by = _actor(request), self._service.schema.hash
        await asyncio.to_thread(serve, action, asked.version, asked.reason, *by)
        return await self._served(asked.version)

    def _authorize(self, request: Request) -> None:
        authorize(request, self._service.settings.serve.admin_token)
        only_parameters(request)

    async def _content(self, request: Request) -> object:
        return parse(await read(request, self._service.limits))

    async def _served(self, wanted: int | None = None) -> Response:
        """Answer once this process serves what is to be served."""
        pointers = await self._service.live.synced(self._service.limits.seconds)
        if wanted is not None and pointers.serving != wanted:
            raise await self._not_served(wanted, pointers)
        return _json(
            {
                "version": pointers.serving,
                "serving": pointers.serving,
                "latest": pointers.latest,
                "pinned": pointers.pinned,
            }
        )

    async def _not_served(self, wanted: int, pointers: Pointers) -> Exception:
        """Why another version is served than the one asked for."""
        version = await asyncio.to_thread(self._registry.versions.find, wanted)
        if version.state == "refused":
            return NotLoadedError(
                f"Version {wanted} could not be served and is refused for good: {version.reason} "
                f"Version {pointers.serving} is served."
            )
        return MovedOnError(
            f"Version {wanted} was to be served, but by now someone has moved on to "
            f"{pointers.serving}. GET /history says who."
        )

    def _shown(self, number: int, state: str, served: bool) -> dict[str, Any]:
        """A version as ``show`` prints it; remembered while its state stays."""
        del state, served
        version: Version = self._registry.versions.find(number)
        return full_json(version, self._service.snapshots, SHOWN_WEIGHTS)


def _json(content: object) -> Response:
    return Response(orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS), media_type=JSON)


def _number(text: str) -> int:
    """The number of a version in a path."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= LARGEST_NUMBER):
        raise UnknownVersionError(
            f"{text[:20]!r} is no number of a version; GET /versions lists those that there are."
        )
    return int(text[:20])


def _moment(text: str) -> datetime:
    """The time that a query names; a plus sign of an offset arrives as a blank."""
    for spelt in (text, text.replace(" ", "+")):
        try:
            return datetime.fromtimestamp(time_ms(spelt) / 1000, UTC)
        except (RefusedCellError, ValueError, OverflowError, OSError):
            continue
    raise UnknownParameterError(
        f"at={text[:40]!r} is no time: write it as ISO 8601, for example 2026-01-31T08:15:00Z."
    )


def _actor(request: Request) -> str:
    """Who asks, for the ledger."""
    return f"http {request.client.host if request.client else 'unknown'}"
