"""``POST /explain``: why rows have their scores, and what would change one.

The same rows as ``/predict`` takes, read by the same functions. One row may come wrapped, with
changes of its cells: ``{"row": {…}, "changes": {…}}``.
"""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request, Response

from converters.cells.refusal import Refusal
from learners.choose import spec_for
from learners.explain.answers import Row, Wanted, Why
from learners.line_bounds import bounds_for
from serve.http.body import CSV, JSON, count_in, flag_in, media_type, only_parameters, parse
from serve.http.problems import RowsRefusedError, UnknownParameterError
from serve.http.turns import FEW_BYTES, Work
from serve.live.bounded_scores import bounded_scores
from serve.live.explaining import begun, check_rows, rows_of
from serve.live.version_loader import Served
from serve.openapi.declared_route import BODY_FAILURES, Parameter, Route
from serve.openapi.explanation_models import explained_answer
from serve.openapi.row_models import explained_rows
from serve.rows.request_rows import Part
from serve.rows.row_errors import only, row_error
from serve.service import Service

ROUTE = "/explain"
MOST_REASONS = 20
WRAPPED = frozenset({"row", "changes"})

PARAMETERS = [
    Parameter(
        "baseline",
        "query",
        "What rows are held against: `missing` or `typical`; left out, what the config says.",
        {"enum": ["missing", "typical"]},
    ),
    Parameter(
        "reasons",
        "query",
        "How many reasons in words; left out, as many as the config says, where it allows any.",
        {"type": "integer", "minimum": 1, "maximum": MOST_REASONS},
    ),
    Parameter(
        "what_if",
        "query",
        "Whether to look for changes of single cells that give the row the other label.",
        {"type": "boolean", "default": False},
    ),
]


def asked_of(request: Request) -> tuple[str | None, Wanted]:
    """The baseline and what is asked of each row.

    Raises:
        UnknownParameterError: a parameter is unknown, or has a wrong value.
    """
    only_parameters(request, [each.name for each in PARAMETERS])
    given = dict(request.query_params)
    baseline = given.get("baseline")
    if baseline not in (None, "missing", "typical"):
        raise UnknownParameterError("The query parameter 'baseline' is missing or typical.")
    reasons = count_in(given, "reasons", MOST_REASONS)
    return baseline, Wanted(None, reasons, flag_in(given, "what_if") or False)


class Explanations:
    """The handler of the route."""

    def __init__(self, service: Service) -> None:
        self._live = service.live
        self._bodies = service.bodies
        self._turns = service.turns
        self._explaining = service.explaining
        self._counters = service.counters

    async def post(self, request: Request) -> Response:
        """Explain one row or many."""
        baseline, wanted = asked_of(request)
        kind = media_type(request)
        async with self._bodies.of(request) as body:
            with self._live.use() as served:
                why = await self._explaining.of(served, baseline, wanted)
                work = self._explained(kind, body, served, why, wanted)
                # It takes many slices, however short the body is.
                content = await self._turns.run(work, max(len(body), FEW_BYTES + 1))
        return Response(content, media_type=JSON)

    def _explained(
        self, kind: str, body: bytes, served: Served, why: Why, wanted: Wanted
    ) -> Work[bytes]:
        """The answer as JSON."""
        yield from begun(served, why)
        about = {"version": served.version, "baseline": why.baseline}
        most = 2 * served.readers.requests.limits.row_bytes
        wrapped = _wrapped(kind, body) if len(body) <= most else None
        if wrapped is not None:
            answer = yield from self._changed(wrapped, served, why, wanted)
            return orjson.dumps(about | answer)
        found: list[dict[str, Any]] = []
        for part in served.readers.requests.read(kind, body):
            yield
            if part is None:
                continue
            check_rows(why, len(found) + len(part))
            found += yield from self._part(part, served, why, wanted, len(found))
            if part.single:
                return orjson.dumps(about | only(found))
        return orjson.dumps(about | {"explanations": found})

    def _part(
        self, part: Part, served: Served, why: Why, wanted: Wanted, start: int
    ) -> Work[list[dict[str, Any]]]:
        """The answers for the rows of a part."""
        converted = part.converted()
        yield
        _, refused = yield from bounded_scores(served, converted)
        ids = part.ids(converted)
        answers = []
        for at, row in enumerate(rows_of(served, why, part, converted, refused)):
            yield
            if isinstance(row, Refusal):
                answers.append({"error": row_error(start + at, row)})
                continue
            answer = yield from why.row(row, wanted)
            answers.append(answer if ids[at] in (None, "") else answer | {"id": ids[at]})
            self._counters.rows_explained.inc()
        return answers

    def _changed(
        self, wrapped: dict[str, Any], served: Served, why: Why, wanted: Wanted
    ) -> Work[dict[str, Any]]:
        """The answer for a row in which cells change; without changes, for the row."""
        row, changes = wrapped["row"], wrapped.get("changes") or {}
        before = yield from _row(served, why, row)
        yield
        self._counters.rows_explained.inc()
        if not changes:
            return (yield from why.row(before, wanted))
        if wanted.what_if:
            raise UnknownParameterError("'what_if' is about a row without `changes`.")
        after = yield from _row(served, why, {**row, **changes})
        return (yield from why.changed(before, after, wanted))


def _wrapped(kind: str, body: bytes) -> dict[str, Any] | None:
    """A row with changes; None for rows as they are. A cell is never an object."""
    if kind == CSV or b'"row"' not in body:
        return None
    content = parse(body)
    if not isinstance(content, dict) or not isinstance(content.get("row"), dict):
        return None
    if not content.keys() <= WRAPPED or not isinstance(content.get("changes", {}), dict | None):
        raise RowsRefusedError(
            'A row with changes is {"row": {…}, "changes": {…}}, both objects of columns.'
        )
    return content


def _row(served: Served, why: Why, row: dict[str, Any]) -> Work[Row]:
    """A single row, checked and converted.

    Raises:
        RowsRefusedError: it cannot be explained.
    """
    (part,) = filter(None, served.readers.requests.read(JSON, orjson.dumps(row)))
    converted = part.converted()
    _, refused = yield from bounded_scores(served, converted)
    (found,) = rows_of(served, why, part, converted, refused)
    if isinstance(found, Refusal):
        only([{"error": row_error(0, found)}])
    assert isinstance(found, Row)
    return found


def routes(service: Service) -> list[Route]:
    """Declare the route."""
    schema = service.schema
    bounds = bounds_for(spec_for(service.settings.learner, schema.interactions))
    return [
        Route(
            "POST",
            ROUTE,
            Explanations(service).post,
            "Explain scores",
            "What each column adds to a row's log-odds, against a baseline: exact Shapley values. "
            'The same rows as /predict; or one row with changes of its cells, `{"row": …, '
            '"changes": …}`, answered by both scores and their difference by column.',
            body=explained_rows(schema, bounds),
            answer=explained_answer(schema.label_spellings),
            parameters=PARAMETERS,
            failures=(*BODY_FAILURES, 409),
            scope="score",
        )
    ]
