"""``POST /predict``: rows in, scores out; each answer names the version that made it.

A long request is read, converted and scored part by part, with turns for other requests between
them; all of its parts use the model that it began with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import orjson
from fastapi import Request, Response
from pydantic import BaseModel, Field, create_model

from converters.cells.refusal import Refusal
from converters.convert.to_vw_text import Row
from learners.choose import spec_for
from learners.line_bounds import bounds_for
from learners.versions.score_file import scores_of
from serve.http.body import JSON, media_type, only_parameters
from serve.http.problems import NoModelError, RowsRefusedError
from serve.http.turns import Work
from serve.live.version_loader import Served
from serve.openapi.declared_route import BODY_FAILURES, Route
from serve.openapi.row_models import scored_rows
from serve.rows.request_rows import Part
from serve.rows.row_errors import RowError, row_error
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
        self._bodies = service.bodies
        self._turns = service.turns
        self._readers = service.readers
        self._counters = service.counters
        self._threshold = service.settings.threshold

    async def post(self, request: Request) -> Response:
        """Score one row or many."""
        only_parameters(request)
        kind = media_type(request)
        async with self._bodies.of(request) as body:
            content = await self._turns.run(self._scored(kind, body), len(body))
        return Response(content, media_type=JSON)

    def _scored(self, kind: str, body: bytes) -> Work[bytes]:
        """The answer as JSON.

        Raises:
            NoModelError: there is none; not before anything wrong with the rows' shape.
        """
        try:
            with self._live.use() as served:
                parts = served.readers.requests.read(kind, body)
                return (yield from self._answered(parts, served))
        except NoModelError:
            for _ in self._readers.today.requests.read(kind, body):
                yield
            raise

    def _answered(self, parts: Iterable[Part | None], served: Served) -> Work[bytes]:
        """The answer by one version, its predictions written part by part."""
        written: list[bytes] = []
        start = 0
        for part in parts:
            yield
            if part is None:
                continue
            converted = part.converted()
            yield
            if served.readers.crosses.few(converted, served.kind):
                scores = scores_of(served.learner, converted)
            else:
                scores = yield from self._bounded_scores(served, converted)
            answers = self._answers(served, scores, part.ids(converted), start)
            if part.single:
                return orjson.dumps(self._only(answers) | {"version": served.version})
            start += len(answers)
            written.append(orjson.dumps(answers)[1:-1])
        return b'{"version":%d,"predictions":[%b]}' % (served.version, b",".join(written))

    def _bounded_scores(
        self, served: Served, rows: Sequence[Row | Refusal]
    ) -> Work[list[float | Refusal]]:
        """The score of each row of a part, of some rows at a time."""
        scores: list[float | Refusal] = []
        for some in served.readers.crosses.bounded(rows, served.kind):
            if scores:
                yield
            scores += scores_of(served.learner, some)
        return scores

    def _only(self, answers: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The answer for a single row; a wrong cell refuses the request."""
        (answer,) = answers
        if "error" in answer:
            error = answer["error"]
            column = f"column {error['column']!r}, " if error["column"] else ""
            raise RowsRefusedError(
                f"The row is refused: {column}{error['detail']}. Correct it and send it again.",
                [error],
            )
        return answer

    def _answers(
        self,
        served: Served,
        scores: Sequence[float | Refusal],
        ids: Sequence[object],
        start: int,
    ) -> list[dict[str, Any]]:
        """One answer for each row from number ``start`` on."""
        negative, positive = served.readers.labels
        threshold = self._threshold
        answers: list[dict[str, Any]] = []
        refused: dict[str, int] = {}
        for at, score in enumerate(scores):
            if isinstance(score, Refusal):
                refused[score.reason] = refused.get(score.reason, 0) + 1
                answers.append({"error": row_error(start + at, score)})
                continue
            answer = {"score": score, "label": positive if score >= threshold else negative}
            # An empty id is one that was not given.
            if (given := ids[at]) is not None and given != "":
                answer["id"] = given
            answers.append(answer)
        for reason, rows in refused.items():
            self._counters.rows_refused.labels(ROUTE, reason).inc(rows)
        self._counters.rows_scored.inc(len(answers) - sum(refused.values()))
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
