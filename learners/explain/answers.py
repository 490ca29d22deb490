"""What is answered to "why this score", alike over HTTP and by the command line, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.explain.baseline import Baseline, NoReasonsError
from learners.explain.explainer import Explainer, Explanation, Work, logistic
from learners.explain.reason_codes import LEAST, ReasonCodes
from learners.explain.row_pieces import RowPieces
from learners.explain.what_if import NOTE, Unchanged, WhatIf
from learners.learner import Learner
from learners.line_bounds import BLOCK


class Wanted(NamedTuple):
    """What is asked for.

    Attributes:
        most: the strongest contributions, so many; None for all.
        reasons: so many; None for as many as the config says, where it allows any.
        what_if: whether to look for changes of single cells that change the label.
    """

    most: int | None = None
    reasons: int | None = None
    what_if: bool = False


class Row(NamedTuple):
    """A row to be explained.

    Attributes:
        cells: by column.
        line: that the converter made of them.
        at_once: as many such lines are scored in one step.
    """

    cells: Mapping[str, str]
    line: str
    at_once: int = BLOCK


class Why:
    """Explains the rows of one version against one baseline.

    Args:
        settings: of the config.
        schema: the version's own.
        learner: of the version, as it is served.
        kept: the lines that the version keeps, for the categories in them.
        baseline: what rows are held against.
    """

    def __init__(
        self,
        settings: Settings,
        schema: Schema,
        learner: Learner,
        kept: Sequence[str],
        baseline: Baseline,
    ) -> None:
        cuts, self._threshold = RowPieces(schema), settings.threshold
        self._explainer = Explainer(learner, cuts, baseline)
        self._labels, self._columns = schema.label_spellings, cuts.columns
        self._most_reasons = settings.explain.reasons
        self._reasons = _reasons(settings, schema, cuts, baseline)
        self._what_if = WhatIf(learner, schema, cuts, self._threshold, kept)

    def begin(self, at_once: int = BLOCK) -> Work[None]:
        """Score the baseline, once, so many lines in one step; raises a BaselineError."""
        return self._explainer.begin(at_once)

    @property
    def first_line(self) -> str:
        """The line of the first row of the baseline."""
        return self._explainer.cuts.line(self._explainer.baseline.rows[0])

    @property
    def columns(self) -> tuple[str, ...]:
        """Those whose contributions are told, in the schema's order."""
        return self._columns

    @property
    def scores(self) -> int:
        """How many lines are scored for a row, at most."""
        return self._explainer.scores

    def reasons_of(self, wanted: Wanted) -> int:
        """How many reasons a row has at most; 0 where the config gives none."""
        if isinstance(self._reasons, NoReasonsError):
            return 0
        return wanted.reasons or wanted.most or self._most_reasons

    def check(self, wanted: Wanted) -> None:
        """See that what is asked for can be had.

        Raises:
            NoReasonsError: reasons are asked for, and this config gives none.
        """
        if wanted.reasons is not None and isinstance(self._reasons, NoReasonsError):
            raise self._reasons

    @property
    def baseline(self) -> dict[str, Any]:
        """What rows are held against; its score is that of its mean log-odds, unadjusted."""
        of, log_odds = self._explainer.baseline, self._explainer.log_odds
        return {
            "kind": of.kind,
            "rows": len(of.rows),
            "log_odds": log_odds,
            "score": logistic(log_odds),
        }

    def row(self, row: Row, wanted: Wanted) -> Work[dict[str, Any]]:
        """Why a row has its score.

        Raises:
            RefusedLinesError: it holds numbers that the learner does not take.
        """
        found = yield from self._explainer.explain(row.line, row.at_once)
        answer = self._one(found, row, wanted)
        if wanted.what_if:
            positive = found.score >= self._threshold
            of = Unchanged(found.pieces, row.cells, positive, row.at_once)
            numbers = yield from self._what_if.numbers(of)
            others = yield from self._what_if.categories(of)
            answer["what_if"] = {
                "threshold": self._threshold,
                "numbers": [each._asdict() for each in numbers],
                "categories": [
                    each._asdict()
                    | {"to": [{"value": value, "score": score} for value, score in each.to]}
                    for each in others
                ],
                "note": NOTE,
            }
        return answer

    def changed(self, before: Row, after: Row, wanted: Wanted) -> Work[dict[str, Any]]:
        """Why the score of a row moves when cells of it change; raises as :meth:`row`."""
        one = yield from self._explainer.explain(before.line, before.at_once)
        other = yield from self._explainer.explain(after.line, after.at_once)
        moved: list[dict[str, Any]] = [
            {
                "column": name,
                "value": before.cells.get(name, ""),
                "to": after.cells.get(name, ""),
                "difference": now - then,
            }
            for name, then, now in zip(
                self._columns, one.contributions, other.contributions, strict=True
            )
            if abs(now - then) > LEAST or before.cells.get(name, "") != after.cells.get(name, "")
        ]
        moved.sort(key=lambda each: -abs(each["difference"]))
        return {
            "before": self._one(one, before, wanted),
            "after": self._one(other, after, wanted),
            "difference": {
                "score": other.score - one.score,
                "log_odds": other.log_odds - one.log_odds,
                "adjustment": other.adjustment - one.adjustment,
                "columns": moved,
            },
            "note": NOTE,
        }

    def _one(self, found: Explanation, row: Row, wanted: Wanted) -> dict[str, Any]:
        errors = found.errors or [None] * len(self._columns)
        each: list[dict[str, Any]] = [
            {"column": name, "value": row.cells.get(name, ""), "contribution": value}
            | ({} if error is None else {"standard_error": error})
            for name, value, error in zip(self._columns, found.contributions, errors, strict=True)
        ]
        each.sort(key=lambda one: -abs(one["contribution"]))  # of equals, the first column first
        answer: dict[str, Any] = {
            "score": found.score,
            "label": self._labels[found.score >= self._threshold],
            "log_odds": found.log_odds,
            "adjustment": found.adjustment,
            "method": "exact" if found.errors is None else "sampled",
            "contributions": each[: wanted.most],
        }
        if found.other:
            answer["other"] = found.other
        most = self.reasons_of(wanted)
        if not isinstance(self._reasons, NoReasonsError):
            answer["reasons"] = [
                {"column": of.column, "contribution": of.contribution, "reason": of.words}
                for of in self._reasons.of(found, row.cells, most)
            ]
        return answer


def _reasons(
    settings: Settings, schema: Schema, cuts: RowPieces, baseline: Baseline
) -> ReasonCodes | NoReasonsError:
    """What gives reasons, or why there are none."""
    try:
        return ReasonCodes(settings.explain, schema, cuts, baseline)
    except NoReasonsError as error:
        return error
