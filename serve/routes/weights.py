"""The route of what a version knows: its largest weights by name, and how much columns matter.

It answers what ``freshet show V --weights`` prints.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Literal

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, Field

from learners.knowledge.version_weights import MOST_TOP, TOP, known_version, weights_json
from learners.registry.errors import UnknownVersionError
from learners.versions.own_schema import KnownSchemas
from serve.http.body import JSON, only_parameters
from serve.http.problems import UnknownParameterError
from serve.openapi.declared_route import Parameter, Route
from serve.openapi.numbered import NUMBER, number_in
from serve.service import Service

# An answer takes a second or two; it never changes.
REMEMBERED = 16


class Learner(BaseModel, extra="forbid"):
    """What a version was trained with."""

    kind: Literal["vw", "river"]
    args: list[str]


class Totals(BaseModel, extra="forbid"):
    """How much of a model is known by name."""

    weights: int = Field(description="that are not zero")
    undone: int = Field(description="of these, with a name")
    shared: int = Field(description="of these, with more than one name")
    names: int = Field(description="of single features that are known")
    untried: int = Field(description="pairs of columns whose crosses are too many to look up")


class Part(BaseModel, extra="forbid"):
    """A feature that is crossed, or the only one."""

    column: str | None = Field(description="null for the constant")
    feature: str = Field(description="the column, or a part of its time")
    value: str | None = Field(description="null where the weight is for each unit of a number")


class Weight(BaseModel, extra="forbid"):
    """A weight."""

    weight: float = Field(description="log-odds for each unit of the feature")
    name: str | None = Field(description="null if no name is known")
    crossed: bool
    parts: list[Part]
    share: float | None = Field(description="of the kept rows that have the feature")
    others: int = Field(description="how many more features the weight may be of")
    may_be: list[str] = Field(description="some of these, the likeliest first")


class OfColumn(BaseModel, extra="forbid"):
    """How much a column matters."""

    column: str
    importance: float = Field(description="mean magnitude of its contribution, log-odds")


class OfPair(BaseModel, extra="forbid"):
    """How much two columns matter together, beyond each alone."""

    columns: list[str]
    importance: float


class Importances(BaseModel, extra="forbid"):
    """Over kept rows, each held against others."""

    rows: int
    others: int
    columns: list[OfColumn]
    pairs: list[OfPair]


class Control(BaseModel, extra="forbid"):
    """How much a random column matters to a shadow that learned it like the others."""

    shadow: str
    importance: float
    pairs: list[OfColumn] = Field(description="of each column with the random one")


class Weights(BaseModel, extra="forbid"):
    """What a version knows."""

    version: int
    learner: Learner
    weights: Totals
    kept_rows: int
    largest: list[Weight]
    importances: Importances
    control: Control | None = Field(description="null without a shadow of the kind `control`")
    remarks: list[str] = Field(description="what to know about weights without a name, or several")


class Knowledge:
    """The handler of this route."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._told = lru_cache(REMEMBERED)(self._tell)
        self._telling = asyncio.Lock()

    async def weights(self, request: Request) -> Response:
        """The largest weights of a version."""
        only_parameters(request, ("top",))
        number = number_in(request.path_params["version"], UnknownVersionError, "version")
        top = _top(request.query_params.get("top", str(TOP)))
        async with self._telling:
            content = await self._service.reads.run(None, self._one, number, top)
        return Response(content, media_type=JSON)

    def _one(self, number: int, top: int) -> bytes:
        version = self._service.registry.versions.find(number)
        return self._told(number, version.state, top)

    def _tell(self, number: int, state: str, top: int) -> bytes:
        """What the version knows; cached while its state stays the same."""
        del state
        service = self._service
        version = service.registry.versions.find(number)
        schema = KnownSchemas(service.registry, service.schema).of(version)
        with known_version(service.snapshots, version, schema) as known:
            return orjson.dumps(weights_json(known, top))


def _top(text: str) -> int:
    if text.isascii() and text.isdecimal() and 0 < int(text[:9]) <= MOST_TOP:
        return int(text[:9])
    raise UnknownParameterError(f"top={text[:20]!r} should be a number from 1 to {MOST_TOP:,}.")


def routes(service: Service) -> list[Route]:
    """Declare the route."""
    top = {"type": "string", "pattern": "^[1-9][0-9]{0,3}$"}
    return [
        Route(
            "GET",
            "/versions/{version}/weights",
            Knowledge(service).weights,
            "Tell what a version knows",
            "Its largest weights by name, the hashes undone, and how much columns and pairs of "
            "columns matter.",
            parameters=[
                Parameter("version", "path", "The version's number.", NUMBER),
                Parameter("top", "query", f"How many weights; {TOP} if not given.", top),
            ],
            answer=Weights,
            failures=(400, 404, 409, 503),
            scope="read",
        )
    ]
