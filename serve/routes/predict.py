"""``POST /predict``: rows in, scores out; each answer names the version that made it.

A long request is scored in chunks, with a pause for other requests between them; all of its chunks
use the model that it began with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, Field, create_model

from converters.cells.refusal import Refusal
from learners.choose import spec_for
from learners.line_bounds import BLOCK, bounds_for
from learners.versions.score_file import scores_of
from serve.http.body import JSON, media_type, only_parameters, read
from serve.http.problems import RowsRefusedError
from serve.openapi.declared_route import BODY_FAILURES, Route
from serve.openapi.row_models import scored_rows
from serve.rows.request_rows import Rows
from serve.rows.row_errors import RowError, in_words, row_error
from serve.service import Service

ROUTE = "/predict"


class Scored(BaseModel, extra="forbid"):
    """The score of a row, and the label that it gives at the threshold."""

    score: float = Field(ge=0, le=1)
    label: str
    id: str | float | bool | None = Field(None, description="as in the request")


class Score(Scored):
    """The answer for a single row."""

    version: int


class RefusedRow(BaseModel, extra="forbid"):
    """A row of many that could not be scored."""

    error: RowError


class Scores(BaseModel, extra="forbid"):
    """The answer for many rows, in their order."""

    version: int
    predictions: list[Scored | RefusedRow]


def _answer_model(label_spellings: Sequence[str]) -> object:
    """The answer, with the labels that the model may give."""
    label: Any = (Literal[tuple(label_spellings)], ...)
    one: Any = create_model("Score", __base__=Score, __doc__=Score.__doc__, label=label)
    scored: Any = create_model("Scored", __base__=Scored, __doc__=Scored.__doc__, label=label)
    predictions: Any = (list[scored | RefusedRow], ...)
    many: Any = create_model(
        "Scores", __base__=Scores, __doc__=Scores.__doc__, predictions=predictions
    )
    return one | many


class Predictions:
    """The handler of the route."""

    def __init__(self, service: Service) -> None:
        self._live = service.live
        self._limits = service.settings.serve
        self._reader = service.reader
        self._counters = service.counters
        self._labels = service.schema.label_spellings
        self._threshold = service.settings.threshold

    async def post(self, request: Request) -> Response:
        """Score one row or many."""
        only_parameters(request)
        kind = media_type(request)
        rows = self._reader.read(kind, await read(request, self._limits))
        content = self._one(rows) if rows.single else await self._many(rows)
        return Response(orjson.dumps(content), media_type=JSON)

    def _one(self, rows: Rows) -> dict[str, Any]:
        """The answer for a single row; a wrong cell refuses the request."""
        converted = rows.converted(0, 1)
        with self._live.use() as served:
            scores = scores_of(served.learner, converted)
        (answer,) = self._answers(scores, rows.ids(0, converted), 0)
        if "error" in answer:
            errors = [answer["error"]]
            raise RowsRefusedError(in_words(errors, None, "Correct it and send it again."), errors)
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
                self._counters.rows_refused.labels(ROUTE, score.reason).inc()
                answers.append({"error": row_error(start + at, score)})
                continue
            answer = {"score": score, "label": positive if score >= threshold else negative}
            # An empty id is one that was not given.
            if (given := ids[at]) is not None and given != "":
                answer["id"] = given
            answers.append(answer)
        self._counters.rows_scored.inc(len(answers) - refused)
        return answers


def routes(service: Service) -> list[Route]:
    """Declare the route."""
    schema = service.schema
    bounds = bounds_for(spec_for(service.settings.learner, schema.interactions))
    return [
        Route(
            "POST",
            ROUTE,
            Predictions(service).post,
            "Score rows",
            'One row as an object; or a list of rows, `{"instances": [...]}` or CSV with a header, '
            "answered by a list in the same order, with an error in place of a bad row.",
            body=scored_rows(schema, bounds),
            answer=_answer_model(schema.label_spellings),
            example={"score": 0.71, "label": schema.label_spellings[1], "version": 12},
            failures=BODY_FAILURES,
            scope="score",
            direct=True,
        )
    ]
