"""``POST /predict``: rows in, scores out; each answer names the version that made it.

A long request is read, converted and scored part by part, with turns for other requests between
them; all of its parts use the model that it began with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson
from fastapi import Request, Response

from converters.cells.refusal import Refusal
from converters.convert.cell_watch import Odd
from learners.choose import spec_for
from learners.explain.answers import Row, Wanted, Why
from learners.line_bounds import bounds_for
from serve.http.body import JSON, count_in, flag_in, media_type, only_parameters
from serve.http.problems import NoModelError
from serve.http.turns import FEW_BYTES, Work
from serve.live.bounded_scores import bounded_scores
from serve.live.explaining import EXPLAINED, begun, check_rows, rows_of
from serve.live.repeated_requests import REPLAYED
from serve.live.version_loader import Served
from serve.openapi.declared_route import BODY_FAILURES, Parameter, Route
from serve.openapi.prediction_models import answer_model
from serve.openapi.row_models import scored_rows
from serve.rows.request_rows import Part
from serve.rows.row_errors import only, row_error
from serve.score_and_append import Remembered, ScoredRows
from serve.service import Service

ROUTE = "/predict"
# How many columns may be asked for.
MOST_COLUMNS = 1_000


class Asked(NamedTuple):
    """What a request wants to be told of its rows."""

    absent: bool = True
    unseen: bool = False
    remember: bool | None = None
    explain: int | None = None


PARAMETERS = [
    Parameter(
        "absent",
        "query",
        "Whether answers list the columns of features for which a row has no value.",
        {"type": "boolean", "default": True},
    ),
    Parameter(
        "unseen",
        "query",
        "Whether answers list the columns with a value that the config does not list.",
        {"type": "boolean", "default": False},
    ),
    Parameter(
        "remember",
        "query",
        "Whether the rows are appended to the events topic with the scores that they are answered; "
        "needs the scope `ingest`, too. By default as `serve.remember` says.",
        {"type": "boolean"},
    ),
    Parameter(
        "explain",
        "query",
        "Say of each row the so many columns that add most to its log-odds, and reasons in words "
        "where the config gives any; /explain says more.",
        {"type": "integer", "minimum": 1, "maximum": MOST_COLUMNS},
    ),
]
BY_DEFAULT = Asked()


def asked_of(request: Request) -> Asked:
    """What a request asks for in its query.

    Raises:
        UnknownParameterError: it has another parameter, or one that is neither true nor false.
    """
    if not request.scope.get("query_string"):
        return BY_DEFAULT
    only_parameters(request, Asked._fields)
    given = dict(request.query_params)
    explain = count_in(given, "explain", MOST_COLUMNS)
    flags: dict[str, Any] = {name: flag_in(given, name) for name in given if name != "explain"}
    return Asked(**flags, explain=explain)


class Predictions:
    """The handler of the route."""

    def __init__(self, service: Service) -> None:
        self._live = service.live
        self._bodies = service.bodies
        self._turns = service.turns
        self._readers = service.readers
        self._counters = service.counters
        self._explaining = service.explaining
        self._threshold = service.settings.threshold
        self._remembered = Remembered(service)

    async def post(self, request: Request) -> Response:
        """Score one row or many."""
        asked = asked_of(request)
        kind = media_type(request)
        remembers, headers = self._remembered.is_wanted(request, asked.remember), None
        async with self._bodies.of(request) as body:
            if remembers:
                content, replayed = await self._appended(request, kind, body, asked)
                headers = REPLAYED if replayed else None
            elif asked.explain is not None:
                content = await self._explained(kind, body, asked)
            else:
                content = await self._turns.run(self._scored(kind, body, asked), len(body))
        return Response(content, 200, headers, JSON)

    async def _appended(
        self, request: Request, kind: str, body: bytes, asked: Asked
    ) -> tuple[bytes, bool]:
        """The answer to rows that are appended, and whether it is that to an earlier request."""
        if asked.explain is None:
            scored = partial(self._rows, kind, body, asked)
            return await self._remembered.answer(request, kind, body, scored)
        with self._live.use() as served:
            wanted = Wanted(asked.explain)
            by = await self._explaining.of(served, None, wanted), wanted
            scored = partial(self._rows_by, served, kind, body, asked, by)
            return await self._remembered.answer(request, kind, body, scored)

    async def _explained(self, kind: str, body: bytes, asked: Asked) -> bytes:
        """The answer with the strongest columns of each row, all by one version."""
        wanted = Wanted(asked.explain)
        with self._live.use() as served:
            why = await self._explaining.of(served, None, wanted)
            parts = served.readers.requests.read(kind, body)
            work = self._answered(parts, served, asked, (why, wanted))
            # It takes many slices, however short the body is.
            return await self._turns.run(work, max(len(body), FEW_BYTES + 1))

    def _scored(self, kind: str, body: bytes, asked: Asked = BY_DEFAULT) -> Work[bytes]:
        """The answer as JSON.

        Raises:
            NoModelError: there is none; not before anything wrong with the rows' shape.
        """
        try:
            with self._live.use() as served:
                parts = served.readers.requests.read(kind, body)
                return (yield from self._answered(parts, served, asked))
        except NoModelError:
            for _ in self._readers.today.requests.read(kind, body):
                yield
            raise

    def _answered(
        self,
        parts: Iterable[Part | None],
        served: Served,
        asked: Asked,
        explaining: tuple[Why, Wanted] | None = None,
    ) -> Work[bytes]:
        """The answer by one version, its predictions written part by part."""
        about: dict[str, Any] = {"version": served.version}
        if explaining is not None:
            yield from begun(served, explaining[0])
            about["baseline"] = explaining[0].baseline
        written: list[bytes] = []
        start = 0
        for part in parts:
            yield
            if part is None:
                continue
            answers = yield from self._of_part(part, served, asked, start, explaining)
            if part.single:
                return orjson.dumps(only(answers) | about)
            start += len(answers)
            written.append(orjson.dumps(answers)[1:-1])
        return b'%b,"predictions":[%b]}' % (orjson.dumps(about)[:-1], b",".join(written))

    def _add_columns(
        self,
        answers: list[dict[str, Any]],
        rows: Iterable[Row | Refusal],
        why: Why,
        wanted: Wanted,
        start: int,
    ) -> Work[None]:
        """Add to each answer what its strongest columns add, and its reasons."""
        for at, row in enumerate(rows):
            yield
            if isinstance(row, Refusal):
                answers[at] = {"error": row_error(start + at, row)}
                continue
            found = yield from why.row(row, wanted)
            answers[at] |= {name: found[name] for name in EXPLAINED if name in found}
            self._counters.rows_explained.inc()

    def _rows(self, kind: str, body: bytes, asked: Asked) -> Work[ScoredRows]:
        """The answers of all rows, to be remembered.

        Raises:
            NoModelError: there is none.
        """
        with self._live.use() as served:
            return (yield from self._rows_by(served, kind, body, asked))

    def _rows_by(
        self,
        served: Served,
        kind: str,
        body: bytes,
        asked: Asked,
        explaining: tuple[Why, Wanted] | None = None,
    ) -> Work[ScoredRows]:
        """The same by a version."""
        single, answers, about = False, list[dict[str, Any]](), dict[str, Any]()
        if explaining is not None:
            yield from begun(served, explaining[0])
            about["baseline"] = explaining[0].baseline
        for part in served.readers.requests.read(kind, body):
            yield
            if part is not None:
                single = part.single
                answers += yield from self._of_part(part, served, asked, len(answers), explaining)
        return ScoredRows(served, single, answers, about)

    def _of_part(
        self,
        part: Part,
        served: Served,
        asked: Asked,
        start: int,
        explaining: tuple[Why, Wanted] | None = None,
    ) -> Work[list[dict[str, Any]]]:
        """The answers of a part, whose first row has this number."""
        converted = part.converted()
        yield
        scores, refused = yield from bounded_scores(served, converted)
        answers = self._answers(served, scores, refused, part.ids(converted), start)
        if odd := part.odd(converted):
            self._tell(answers, odd, asked)
        if explaining is not None:
            why, wanted = explaining
            check_rows(why, start + len(part))
            rows = rows_of(served, why, part, converted, refused)
            yield from self._add_columns(answers, rows, why, wanted, start)
        return answers

    def _answers(
        self,
        served: Served,
        scores: Sequence[float],
        refused: Mapping[int, Refusal],
        ids: Sequence[object],
        start: int,
    ) -> list[dict[str, Any]]:
        """One answer for each row from number ``start`` on."""
        negative, positive = served.readers.labels
        threshold = self._threshold
        if refused:
            ids = [each for at, each in enumerate(ids) if at not in refused]
        answers: list[dict[str, Any]] = [
            # An empty id is one that was not given.
            {"score": score, "label": positive if score >= threshold else negative}
            if given is None or given == ""
            else {
                "score": score,
                "label": positive if score >= threshold else negative,
                "id": given,
            }
            for score, given in zip(scores, ids, strict=True)
        ]
        self._counters.rows_scored.inc(len(answers))
        if refused:
            for at in sorted(refused):
                answers.insert(at, {"error": row_error(start + at, refused[at])})
            for reason, rows in Counter(each.reason for each in refused.values()).items():
                self._counters.rows_refused.labels(ROUTE, reason).inc(rows)
        return answers

    def _tell(
        self, answers: Sequence[dict[str, Any]], odd: Mapping[int, Odd], asked: Asked
    ) -> None:
        """Count what is absent and unseen in rows that were scored, and add it to their answers."""
        absent: Counter[str] = Counter()
        unseen: Counter[str] = Counter()
        for at, of in odd.items():
            answer = answers[at]
            if "error" in answer:
                continue
            absent.update(of.absent)
            unseen.update(of.unseen)
            if asked.absent and of.absent:
                answer["absent"] = of.absent
            if asked.unseen and of.unseen:
                answer["unseen"] = of.unseen
        for counter, counts in (self._counters.absent, absent), (self._counters.unseen, unseen):
            for column, rows in counts.items():
                counter.labels(column).inc(rows)


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
            answer=answer_model(schema.label_spellings),
            parameters=PARAMETERS,
            example={"score": 0.71, "label": schema.label_spellings[1], "version": 12},
            failures=(*BODY_FAILURES, 409),
            scope="score",
            direct=True,
        )
    ]
