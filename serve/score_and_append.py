"""``POST /predict?remember=true``: rows are scored, and appended with what their caller is given.

The order is: the request is let in and read, the log is there, the rows are scored, they are on
the log with their scores, the caller is answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from fastapi import Request

from converters.errors import UsageError
from learners.registry.errors import PostInProgressError, RegistryError
from learners.registry.row_types import StoredResponse
from serve.http.every_request import seconds_left
from serve.http.problems import UnknownParameterError
from serve.http.turns import Work
from serve.live.explaining import EXPLAINED
from serve.live.ingest_warnings import IngestWarnings, StreamWatch
from serve.live.log_appender import Newest, Warnings
from serve.live.remembering import Asked, Outcome
from serve.live.repeated_requests import Key, key_of
from serve.live.version_loader import Served
from serve.rows.appended_records import Counted
from serve.rows.remembered_rows import RowsToRemember, rows_to_remember
from serve.rows.row_errors import only, row_error
from serve.service import Service
from stream.log.contract import LogUnavailableError
from stream.log.signed_scores import Answer

ALWAYS = "always"
# An answer is written in slices of so many rows, of about so many bytes each.
ROWS_A_SLICE, SOME_BYTES = 1_000, 60
# How long a request that has failed may wait for the registry.
LITTLE_SECONDS = 0.5
NO_IDS = (
    "This model has no id column, by which a label could be joined to what is remembered and a "
    "repeated row be known"
)
NOT_IN_TIME = (
    "The log did not answer in time; the rows may still be appended. Send them again: each gets "
    "the answer that it has first."
)


class ScoredRows(NamedTuple):
    """The answers of a request's rows by one version.

    Attributes:
        served: the version.
        single: whether the body is one row and not a list.
        rows: the answer of each, or its error.
        about: what the answer says beside them.
    """

    served: Served
    single: bool
    rows: list[dict[str, Any]]
    about: dict[str, Any]


class Remembered:
    """The part of the route that appends.

    Raises:
        UsageError: every row is to be remembered, and the model has no ids.
    """

    def __init__(self, service: Service) -> None:
        self._always = service.settings.serve.remember == ALWAYS
        self._has_ids = service.schema.only("id") is not None
        self._threshold = service.settings.threshold
        self._guard, self._turns, self._readers = service.guard, service.turns, service.readers
        self._appends, self._keyed = service.appends, service.keyed
        self._appender, self._remembering = service.appender, service.remembering
        self._posts, self._counters = service.posts, service.counters
        self._stream = StreamWatch(service.registry, service.reads)
        timed = service.schema.only("time") is not None
        self._warnings = IngestWarnings(service.settings, timed=timed)
        if self._always and not self._has_ids:
            raise UsageError(
                f'{NO_IDS}: give a column the role id, or set serve.remember = "asked".'
            )

    def is_wanted(self, request: Request, asked: bool | None) -> bool:
        """Whether a request's rows are to be remembered; if so, its caller may append rows.

        Raises:
            UnknownParameterError: the config says otherwise, or the model has no ids.
            NotAuthorizedError: the caller needs a token of the scope ingest, too.
            ForbiddenError: its token is not of that scope.
            ForeignPageError: a page elsewhere sent the request.
        """
        if asked is False and self._always:
            raise UnknownParameterError(
                "The config says serve.remember = 'always': every row that is scored here is "
                "appended to the events topic. Leave out remember=false, or change the config."
            )
        if not (asked or self._always):
            return False
        if not self._has_ids:
            raise UnknownParameterError(f"{NO_IDS}: leave out remember=true.")
        self._guard.admit_writer(request, "/predict", "ingest")
        return True

    async def answer(
        self, request: Request, kind: str, body: bytes, scored: Callable[[], Work[ScoredRows]]
    ) -> tuple[bytes, bool]:
        """Score rows and append them; the answer, and whether it is that to an earlier request.

        Args:
            request: whose caller may append rows.
            kind: the body's media type.
            body: the body.
            scored: scores its rows.

        Raises:
            RowsRefusedError: the shape of the rows is wrong, or the only one is refused.
            PostConflictError: the key was used for another request.
            LogError: nothing was appended, or (``LogUnavailableError``) perhaps it was.
        """
        learning = self._readers.learning
        rows = await self._turns.run(rows_to_remember(learning, kind, body), len(body))
        key = await self._turns.run(key_of(request, kind, body), len(body))
        await self._look(request)

        async def remembered() -> bytes:
            answers = await self._turns.run(scored(), len(body))
            return await self._remembered(request, rows, answers)

        if key is None:
            return await remembered(), False
        return await self._once(request, key, remembered)

    async def _look(self, request: Request) -> None:
        """See that the log is there."""
        if self._appender.was_there:
            return
        try:
            await self._appends.run(seconds_left(request), self._appender.look)
        except TimeoutError:
            raise LogUnavailableError(
                "The log did not answer in time. Nothing was scored or appended; send the rows "
                "again in a moment."
            ) from None

    async def _once(
        self, request: Request, key: Key, remembered: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """Do it, or give the answer to an earlier request with this key.

        The ids are known all the same: where the registry does not keep the answer, a request that
        is sent again gets its scores by them.
        """
        with suppress(PostInProgressError, TimeoutError):
            known = await self._keyed.run(
                seconds_left(request), self._posts.begin, key.text, key.request_sha256
            )
            if known is not None:
                return known.body, True
        try:
            content = await remembered()
        except BaseException:
            with suppress(RegistryError, TimeoutError):
                await self._keyed.run(LITTLE_SECONDS, self._posts.forget, key.text)
            raise
        with suppress(RegistryError, TimeoutError):
            left, stored = seconds_left(request), StoredResponse(200, content)
            await self._keyed.run(left, self._posts.finish, key.text, stored)
        return content, False

    async def _remembered(
        self, request: Request, rows: RowsToRemember, scored: ScoredRows
    ) -> bytes:
        answers, served = scored.rows, scored.served
        for at, refusal in rows.refused.items():
            if "error" not in answers[at]:
                answers[at] = {"error": row_error(at, refusal)}
                self._counters.rows_refused.labels("/predict", refusal.reason).inc()
        if scored.single:
            only(answers)
        scores = {at: each["score"] for at, each in enumerate(answers) if "error" not in each}
        outcome = Outcome({}, 0, [])
        if scores:
            now = int(time.time() * 1000)
            answer = Answer(served.version, served.learned, served.made, now)
            outcome = await self._appended(request, rows, scores, answer)
        for at, given in outcome.first.items():
            positive = given.score >= self._threshold
            label = served.readers.labels[positive]
            answers[at] |= {"score": given.score, "label": label, "repeated": True}
            answers[at]["version"] = given.version
            for name in EXPLAINED:  # which was of another score
                answers[at].pop(name, None)
        return await self._turns.run(_content(scored, outcome.warnings), SOME_BYTES * len(answers))

    async def _appended(
        self, request: Request, rows: RowsToRemember, scores: dict[int, float], answer: Answer
    ) -> Outcome:
        """Have the rows appended, and wait until they are."""
        stream, left = await self._stream.known(), seconds_left(request)

        def warn(records: Sequence[Counted], newest: Newest) -> Warnings:
            return self._warnings.of(records, stream, answer.time, newest)

        asked = Asked(rows, scores, answer, warn, time.monotonic() + left)
        appended = asyncio.wrap_future(self._remembering.submit(asked))
        # Nobody may be there any more to see why it failed.
        appended.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            async with asyncio.timeout(left):
                outcome = await asyncio.shield(appended)
        except TimeoutError:
            raise LogUnavailableError(NOT_IN_TIME) from None
        self._counters.rows_appended.labels("events").inc(outcome.appended)
        for what, count in (("new", outcome.appended), ("repeated", len(outcome.first))):
            self._counters.rows_remembered.labels(what).inc(count)
        for warning in outcome.warnings:
            self._counters.ingest_warnings.labels(warning["code"]).inc()
        return outcome


def _content(scored: ScoredRows, warnings: Warnings) -> Work[bytes]:
    """The whole answer; a row names its version if that is not the one that scored the others."""
    version = scored.served.version
    told = scored.about | ({"warnings": warnings} if warnings else {})
    if scored.single:
        answer = scored.rows[0]
        return orjson.dumps(answer | {"version": answer.get("version", version)} | told)
    written: list[bytes] = []
    for first in range(0, len(scored.rows), ROWS_A_SLICE):
        yield
        some = scored.rows[first : first + ROWS_A_SLICE]
        for each in some:
            if each.get("version") == version:
                del each["version"]
        written.append(orjson.dumps(some)[1:-1])
    more = b"," + orjson.dumps(told)[1:-1] if told else b""
    return b'{"version":%d,"predictions":[%b]%b}' % (version, b",".join(written), more)
