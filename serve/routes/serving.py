"""The routes that move what is served: promote, rollback, unpin.

They change the registry and answer once this process serves the result; other processes follow at
their next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

import orjson
from fastapi import Request, Response
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from learners.registry.actor import Actor
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.requests.states import DONE
from learners.registry.row_types import Json, utc_now
from learners.registry.row_types import Pointers as Serves
from learners.registry.row_types import Rollback as Row
from learners.versions.describe import pointers_json, promoted_json
from learners.versions.promotion import Asked, promote
from learners.versions.way_back import LearnerMode, roll_back, rollback_json
from serve.http.body import JSON, only_parameters
from serve.http.every_request import seconds_left
from serve.http.problems import (
    NotLoadedError,
    ServedVersionChangedError,
)
from serve.live.log_looks import Pace
from serve.openapi.admin_requests import Reason, actor_of, asked_of, changed, refusal
from serve.openapi.declared_route import Body, Handler, Route
from serve.openapi.numbered import LARGEST_NUMBER, Rollback
from serve.openapi.skipped_records import PreviewedReplay, Quarantine, Skipping
from serve.service import Service
from stream.log.contract import EventLog
from stream.log.topics import topics_of
from stream.quarantine.asked_ranges import resolved
from stream.quarantine.config_check import changed_config, waiting_words
from stream.quarantine.listing import quarantine_json
from stream.quarantine.preview import ReplayPreview, preview_of_replay
from stream.quarantine.replay import ready

ADMIN = (
    "An admin route: always needs `Authorization: Bearer TOKEN`. Answers when this process serves "
    "the result."
)

T = TypeVar("T")
# What does the same as a replay over HTTP, without a limit.
COMMAND = "rollback VERSION --learner replay"
DOUBT = (
    "the change may still be made. GET /history says whether it was: look there before you send it "
    "again."
)


def _whole(value: object) -> object:
    """A float without a fraction as the integer that it is in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Number = Annotated[
    int,
    Field(ge=1, le=LARGEST_NUMBER, description="its number", examples=[12]),
    BeforeValidator(_whole),
]


class Unpin(BaseModel):
    """Follow the learner again."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    reason: Reason = Field(description="kept in the ledger", examples=["corrected"])


class Back(Skipping):
    """Serve an earlier version, and perhaps have the learner go back to it.

    A replay puts what it is to skip into quarantine; nothing may be skipped with the other choices.
    """

    version: Number
    reason: Reason | None = Field(
        None, description="kept in the ledger; required without `preview`", examples=["shifted"]
    )
    learner: LearnerMode = Field(
        "keep",
        description="`keep`: the learner continues unchanged; `resume`: it goes on with what the "
        "version had learned, and positions, waiting events and counts stay; `replay`: all goes "
        "back to the version, and the log is read again without what is in quarantine",
    )
    instead: bool = Field(
        False,
        description="of a replay: end and undo the last one; what it put into quarantine is "
        "released",
    )
    preview: bool = Field(
        False, description="of a replay: only say what it would leave out; change nothing"
    )


class Promotion(Unpin):
    """Serve a version that is better."""

    version: Number
    learner: Literal["keep"] = Field(
        "keep", description="`keep`: the learner continues unchanged; the only choice of this route"
    )
    skip: list[str] = Field(
        [], max_length=0, description="ranges to leave out of a replay; none with `keep`"
    )
    force: bool = Field(
        False,
        description="promote it even if it is worse than the served version; the answer and the "
        "ledger say in what",
    )
    follow: bool = Field(
        False, description="do not pin it: serve the learner's next version when it comes"
    )
    leave_waiting: bool = Field(
        False,
        description="let the learner drop events that wait for their labels under another schema",
    )


class Pointers(BaseModel, extra="forbid"):
    """What is served now, and the learner's newest version."""

    version: int | None
    serving: int | None
    latest: int | None
    pinned: bool
    changed: bool
    adoption: Adoption | None
    message: str


class RolledBack(Pointers, extra="forbid"):
    """What is served now, and the rollback of the learner that was asked for."""

    rollback: Rollback | None
    quarantine: Quarantine | None = Field(description="what was put into it with this")
    warning: str | None = Field(
        description="of a replay: why it waits, and how it is cancelled, where no learner can be "
        "started by the config of this server; else null"
    )


class Adoption(BaseModel, extra="forbid"):
    """The version whose state, or weights, the learner has still to take."""

    version: int
    kind: Literal["whole", "weights"]


class Promoted(Pointers, extra="forbid"):
    """What is served now, how it compares with what was, and what was overridden."""

    compared: dict[str, Any]
    overridden: list[str]


class Serving:
    """The handlers of these routes."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._registry = service.registry

    async def promote(self, request: Request) -> Response:
        """Serve a version and keep serving it, or follow the learner from it on."""
        only_parameters(request)
        asked = await asked_of(self._service.bodies, Promotion, request)
        promoted = await self._change(request, self._promote, asked, actor_of(request))
        wanted = None if asked.follow else asked.version
        return await self._served(request, promoted["changed"], wanted, promoted)

    async def rollback(self, request: Request) -> Response:
        """Serve a version again; the learner continues unchanged, or goes back too."""
        only_parameters(request)
        asked = await asked_of(self._service.bodies, Back, request)
        _check(asked)
        how: Literal["keep", "resume"] | Replay
        edited = ""
        if asked.learner == "replay":
            look = partial(self._looked, asked)
            left = await self._service.looks.run(seconds_left(request), COMMAND, look)
            if isinstance(left, ReplayPreview):
                return Response(orjson.dumps(left.to_json()), media_type=JSON)
            how, edited = left
        else:
            how = asked.learner
        moved = await self._change(request, self._roll_back, asked, how, actor_of(request))
        return await self._rolled_back(request, asked.version, moved, edited)

    async def _rolled_back(
        self, request: Request, wanted: int, moved: Serves, edited: str
    ) -> Response:
        """Answer once this process serves the version, or what the learner made of it."""
        changed, found = not moved.unchanged, moved.rollback
        if found is None:
            nothing = {"rollback": None, "quarantine": None, "warning": None}
            return await self._served(request, changed, wanted, nothing)
        pointers = await self._service.live.synced(seconds_left(request))
        # Looked up after that: once it is done, what the learner made of it is served.
        found = await self._service.reads.run(None, self._registry.rollbacks.find, found.number)
        if pointers.serving != wanted and found.state != DONE:
            raise await self._not_served(wanted, pointers.serving)
        return await self._answer(pointers, changed, await self._asked(found, edited))

    async def _asked(self, rollback: Row, edited: str) -> Json:
        """What the learner is asked to do, what was put into quarantine with it, if it waits."""
        number, find = rollback.quarantine, self._registry.quarantines.find
        added = None if number is None else await self._service.reads.run(None, find, number)
        quarantine = None if added is None else quarantine_json(added)
        cancel = f"DELETE /rollbacks/{rollback.number}?reason=TEXT"
        warning = waiting_words(edited, cancel) if edited and rollback.under_way else None
        answer = {"rollback": rollback_json(rollback), "quarantine": quarantine}
        return answer | {"warning": warning}

    async def unpin(self, request: Request) -> Response:
        """Follow the learner again."""
        only_parameters(request)
        asked = await asked_of(self._service.bodies, Unpin, request)
        by = actor_of(request)
        moved = await self._change(request, self._registry.serving.unpin, asked.reason, by)
        return await self._served(request, not moved.unchanged)

    async def _change(self, request: Request, act: Callable[..., T], *args: object) -> T:
        """Change the registry, if it answers in time."""
        return await changed(self._service.changes, request, DOUBT, act, *args)

    def _promote(self, asked: Promotion, by: Actor) -> Json:
        options = Asked(asked.force, asked.follow, asked.leave_waiting)
        config = self._service.settings, self._service.schema
        promoted = promote(self._registry, config, asked.version, asked.reason, by, options)
        return promoted_json(promoted, None)

    def _looked(self, asked: Back, log: EventLog, pace: Pace) -> tuple[Replay, str] | ReplayPreview:
        """What it leaves out if the learner can go back, and what is edited; nothing is changed."""
        config = self._service.settings, self._service.schema
        words, topics = asked.asked(), topics_of(self._service.settings)
        left = None
        if words:
            left = Skip(words.to_json(), resolved(log, topics, words, utc_now(), pace))
        how = Replay(left, asked.instead)
        if asked.preview:
            return preview_of_replay(log, self._registry, config, (asked.version, how), pace)
        how = ready(log, self._registry, config, asked.version, how)
        return how, changed_config(self._registry, config)

    def _roll_back(self, asked: Back, how: Literal["keep", "resume"] | Replay, by: Actor) -> Serves:
        config = self._service.settings, self._service.schema
        return roll_back(self._registry, config, asked.version, how, asked.reason or "", by)

    async def _served(
        self, request: Request, changed: bool, wanted: int | None = None, more: Json | None = None
    ) -> Response:
        """Answer once this process serves what is to be served."""
        pointers = await self._service.live.synced(seconds_left(request))
        if wanted is not None and pointers.serving != wanted:
            raise await self._not_served(wanted, pointers.serving)
        return await self._answer(pointers, changed, more or {})

    async def _answer(self, pointers: Serves, changed: bool, more: Json) -> Response:
        adoption = await self._service.reads.run(None, self._registry.adoptions.pending)
        now = replace(pointers, unchanged=not changed)
        answer = {**more, **pointers_json(now, adoption)}
        return Response(orjson.dumps({"version": pointers.serving, **answer}), media_type=JSON)

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


def _check(asked: Back) -> None:
    """Refuse what only a replay can do, and a rollback without a reason."""
    if asked.learner != "replay":
        errors = [
            {"column": name, "reason": "no-replay", "detail": "only with the learner replay"}
            for name in ("skip", "skip_time", "instead", "preview")
            if getattr(asked, name)
        ]
        if errors:
            raise refusal(errors)
    if asked.reason is None and not asked.preview:
        detail = "required, as the ledger keeps it"
        raise refusal([{"column": "reason", "reason": "missing", "detail": detail}])


def routes(service: Service) -> list[Route]:
    """Declare the routes."""
    serving = Serving(service)
    move = {"version": 12, "reason": "the data of the day is wrong"}
    one = f"{topics_of(service.settings).events}:0:0"
    replay = {"version": 12, "learner": "replay", "skip": [one], "preview": True}
    unpin = {"reason": "the data is right again"}
    return [
        _admin(
            "/promote",
            serving.promote,
            "Serve a version that is better",
            Body(Promotion, {"body": {**move, "reason": "it knows the new column"}}),
            Promoted,
        ),
        _admin(
            "/rollback",
            serving.rollback,
            "Serve an earlier version again",
            Body(Back, {"body": {**move, "learner": "keep"}, "preview": replay}),
            RolledBack | PreviewedReplay,
        ),
        _admin("/unpin", serving.unpin, "Follow the learner again", Body(Unpin, {"body": unpin})),
    ]


def _admin(
    path: str, handler: Handler, summary: str, body: Body, answer: object = Pointers
) -> Route:
    failures = (400, 401, 403, 404, 409, 413, 415, 422, 503, 504)
    about: dict[str, Any] = {"body": body, "answer": answer, "failures": failures}
    return Route("POST", path, handler, summary, ADMIN, scope="admin", writes=True, **about)
