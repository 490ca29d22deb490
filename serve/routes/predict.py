"""``POST /predict``: rows in, scores out, each answer with the version that made it.

Takes rows from :mod:`serve.rows.request_rows` and the model from :mod:`serve.live.live_model`. A
long request is worked off in chunks with a pause for others between them; all of its chunks use the
model it began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from fastapi import Request, Response

from converters.cells.refusal import Refusal
from learners.intake import BLOCK
from learners.versions.score import scores_of
from serve.http.body import media_type, only_parameters, read
from serve.http.problems import RowsRefusedError
from serve.rows.refusals import row_error, told
from serve.rows.request_rows import Rows
from serve.service import Service

JSON_TYPE = "application/json"
ROUTE = "/predict"


class Predictions:
    """The route, and what it needs of the service."""

    def __init__(self, service: Service) -> None:
        self._live = service.live
        self._limits = service.limits
        self._reader = service.reader
        self._measures = service.measures
        self._labels = service.schema.label_spellings
        self._threshold = service.settings.threshold

    async def post(self, request: Request) -> Response:
        """Score one row or many."""
        only_parameters(request)
        kind = media_type(request)
        rows = self._reader.read(kind, await read(request, self._limits))
        content = self._one(rows) if rows.single else await self._many(rows)
        return Response(orjson.dumps(content), media_type=JSON_TYPE)

    def _one(self, rows: Rows) -> dict[str, Any]:
        """The answer for a single row; a wrong cell refuses the request."""
        converted = rows.converted(0, 1)
        with self._live.use() as served:
            scores = scores_of(served.learner, converted)
        (answer,) = self._answers(scores, rows.ids(0, converted), 0)
        if "error" in answer:
            errors = [answer["error"]]
            raise RowsRefusedError(told(errors, None, "Correct it and send it again."), errors)
        answer["version"] = served.version
        return answer

    async def _many(self, rows: Rows) -> dict[str, Any]:
        """The answer for many rows, in order; a refused row has its error in its place."""
        answers: list[dict[str, Any]] = []
        with self._live.use() as served:
            for start in range(0, len(rows), BLOCK):
                if start:
                    await asyncio.sleep(0)
                converted = rows.converted(start, start + BLOCK)
                scores = scores_of(served.learner, converted)
                answers += self._answers(scores, rows.ids(start, converted), start)
        return {"version": served.version, "predictions": answers}

    def _answers(
        self, scores: Sequence[float | Refusal], ids: Sequence[object], start: int
    ) -> list[dict[str, Any]]:
        """One answer for each row from number ``start`` on."""
        negative, positive = self._labels
        threshold = self._threshold
        answers: list[dict[str, Any]] = []
        refused = 0
        for at, score in enumerate(scores):
            if isinstance(score, Refusal):
                refused += 1
                self._measures.refused(ROUTE, score.reason)
                answers.append({"error": row_error(start + at, score)})
                continue
            answer = {"score": score, "label": positive if score >= threshold else negative}
            # An empty id is one that was not given.
            if (given := ids[at]) is not None and given != "":
                answer["id"] = given
            answers.append(answer)
        self._measures.scored(len(answers) - refused)
        return answers
