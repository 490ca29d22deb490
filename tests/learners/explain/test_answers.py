"""Reasons and changes of the example's loans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from learners import choose
from learners.explain.answers import Row, Wanted, Why
from learners.explain.baseline import Baseline, BaselineError, NoReasonsError, baseline_of
from learners.explain.explainer import Explanation, finished
from learners.explain.reason_codes import ReasonCodes
from learners.explain.row_pieces import RowPieces
from tests.support.explaining.loans import settings_with, taught_loans
from tests.support.rows.schemas import Columns, accepted, build

# Written by hand from the loans and the words of the config: what a clerk would tell an applicant
# who was refused, from the contributions alone.
GOLDEN = {
    "L00000": [
        "the amount asked is high (25300.0)",
        "the credit grade is C",
        "income is low for the amount asked",
    ],
    "L00002": ["the credit grade is E", "amount is low (8700.0)"],
    "L00014": ["the amount asked is high (30700.0)", "the credit grade is C"],
    "L00016": [
        "the term of 60 months",
        "the amount asked is high (12600.0)",
        "the credit grade is C",
    ],
    "L00022": ["the credit grade is E", "the amount asked is high (10100.0)"],
    "L00027": [
        "the credit grade is D",
        "the term of 60 months",
        "the amount asked is high (11400.0)",
    ],
    "L00028": ["the credit grade is D", "the term of 60 months"],
    "L00034": ["the credit grade is D", "the term of 60 months", "purpose is business"],
    "L00037": ["the amount asked is high (26800.0)", "the term of 60 months"],
    "L00050": [
        "the credit grade is D",
        "purpose is business",
        "the amount asked is high (13000.0)",
    ],
}


class Loans:
    """The model of the loans, explained against sixty of them."""

    def __init__(self) -> None:
        self._taught = taught_loans()
        settings, schema, self.learner, rows = self._taught.__enter__()
        self.cuts = RowPieces(schema)
        self.schema, self.rows = schema, {row.cells["loan"]: row for row in rows}
        self.baseline = Baseline("file", tuple(self.cuts.cut(row.line) for row in rows[100:160]))
        self.kept = [row.line for row in rows[:200]]
        self.why = Why(settings, schema, self.learner, self.kept, self.baseline)

    def against(self, baseline: Baseline, **explain: object) -> Why:
        """The same by another config and baseline."""
        settings = settings_with(**explain)
        return Why(settings, self.schema, self.learner, self.kept, baseline)

    def changed(self, loan: str, **cells: str) -> Row:
        """A loan with other cells."""
        found = {**self.rows[loan].cells, **cells}
        return Row(found, accepted(self.schema, [found[name] for name in self.schema.names])[2])

    def close(self) -> None:
        """Free the learner."""
        self._taught.__exit__(None, None, None)


@pytest.fixture(scope="module")
def loans() -> Iterator[Loans]:
    """Learned once."""
    found = Loans()
    yield found
    found.close()


@pytest.mark.parametrize("loan", GOLDEN)
def test_reasons_of_ten_loans(loans: Loans, loan: str) -> None:
    """In the words of the config, the strongest first, and nothing else."""
    answer = finished(loans.why.row(loans.rows[loan], Wanted(reasons=3)))
    assert answer["label"] == "yes"
    assert [each["reason"] for each in answer["reasons"]] == GOLDEN[loan]


def test_no_reason_worked_for_whom_it_is_told(loans: Loans) -> None:
    """Each is against the applicant, in falling order, and none is about a protected column."""
    for row in list(loans.rows.values())[:300]:
        for adverse, sign in (("positive", 1), ("negative", -1)):
            why = loans.against(loans.baseline, adverse=adverse)
            answer = finished(why.row(row, Wanted(reasons=20)))
            worked = [sign * each["contribution"] for each in answer["reasons"]]
            assert worked == sorted(worked, reverse=True)
            assert all(each > 0 for each in worked)
            told = {each["column"] for each in answer["reasons"]}
            assert not told & {"settled", "loan", "defaulted", "applied"}
        if row.cells["loan"] > "L00040":
            break


def test_of_equal_reasons_the_first_column_comes_first(loans: Loans) -> None:
    """Two that add the same are told in the order of the columns, every time."""
    codes = ReasonCodes(settings_with().explain, loans.schema, loans.cuts, loans.baseline)
    same = Explanation(0.6, 1.0, 0.0, (0.2,) * 5, 0.0, 0.0, None, loans.baseline.rows[0])
    told = codes.of(same, {}, 3)
    assert tuple(each.column for each in told) == loans.cuts.columns[:3]


def test_reasons_need_rows_and_a_class(loans: Loans) -> None:
    """Low means nothing beside a missing value: what is asked for is refused, else left out."""
    nothing = Baseline("missing", (loans.cuts.nothing,))
    for why, words in (
        (loans.against(nothing), "neither"),
        (loans.against(loans.baseline, adverse=None), "bad for whom"),
    ):
        with pytest.raises(NoReasonsError, match=words):
            why.check(Wanted(reasons=2))
        assert "reasons" not in finished(why.row(loans.rows["L00000"], Wanted()))


def test_a_missing_cell_is_called_missing(loans: Loans) -> None:
    """Not low, for all that it adds."""
    row = loans.changed("L00034", income="", amount="")
    words = {"income": {"missing": "no income is stated", "low": "income is low"}}
    told: dict[str, str] = {}
    for adverse in ("positive", "negative"):  # it worked one way or the other
        why = loans.against(loans.baseline, adverse=adverse, words=words)
        answer = finished(why.row(row, Wanted(reasons=20)))
        told |= {each["column"]: each["reason"] for each in answer["reasons"]}
    assert told["income"] == "no income is stated"
    assert told["amount"] == "amount is missing"


def test_the_nearest_number_crosses_and_the_one_before_does_not(loans: Loans) -> None:
    """Within min and max, and as near as any number of as many digits is."""
    crossed = 0
    for loan in GOLDEN:
        answer = finished(loans.why.row(loans.rows[loan], Wanted(what_if=True)))
        for each in answer["what_if"]["numbers"]:
            now, to = float(each["value"]), int(each["to"])
            assert each["score"] < 0.5
            settings = loans.schema.columns[loans.schema.names.index(each["column"])].settings
            assert settings.min is not None
            assert settings.max is not None
            assert settings.min <= to <= settings.max
            assert _score(loans, loan, each["column"], to) == each["score"]
            inward = to + (1 if to < now else -1)
            assert _score(loans, loan, each["column"], inward) >= 0.5
            crossed += 1
    assert crossed >= 10


def _score(loans: Loans, loan: str, column: str, value: object) -> float:
    (score,) = loans.learner.predict([loans.changed(loan, **{column: str(value)}).line])
    return score


def test_categories_are_those_that_would(loans: Loans) -> None:
    """All known ones are tried; those told are across the threshold, and no other is."""
    for loan in GOLDEN:
        answer = finished(loans.why.row(loans.rows[loan], Wanted(what_if=True)))
        told = {each["column"]: each["to"] for each in answer["what_if"]["categories"]}
        for column in ("term", "grade"):
            known = loans.schema.columns[loans.schema.names.index(column)].settings.values
            would = {
                value: score
                for value in known
                if (
                    score := loans.learner.predict([loans.changed(loan, **{column: value}).line])[0]
                )
                < 0.5
            }
            assert {each["value"]: each["score"] for each in told.get(column, [])} == would


def test_what_the_converter_refuses_is_not_tried() -> None:
    """A rare value that it rejects, a number that means missing; a group of values is none."""
    columns: Columns = {
        "late": {"role": "label"},
        "kind": {
            "kind": "categorical",
            "values": ["a", "b"],
            "rare_values": ["c"],
            "rare": "reject",
            "unseen": "group",
        },
        "size": {
            "kind": "numeric",
            "min": 0,
            "max": 10,
            "missing": "reject",
            "missing_values": ["5", "7"],
        },
    }
    schema = build(columns)
    learner = choose.create(choose.spec_for(settings_with().learner, ()))
    row = Row({"kind": "a", "size": "1"}, accepted(schema, ["", "a", "1"])[2])
    other, unseen = (accepted(schema, ["", kind, "9"])[2] for kind in "az")
    learner.step([f"{1 if at % 2 else -1} {(other, row.line)[at % 2]}" for at in range(200)])
    cuts = RowPieces(schema)
    baseline = Baseline("file", (cuts.cut(other),))
    why = Why(settings_with(words={}), schema, learner, [other, unseen], baseline)
    found = finished(why.row(row, Wanted(what_if=True)))["what_if"]
    learner.close()
    told = {one["value"] for each in found["categories"] for one in each["to"]}
    assert told <= {"b"}
    assert all(each["to"] not in ("5", "7") for each in found["numbers"])
    assert found["numbers"]


def test_changes_add_up_by_column(loans: Loans) -> None:
    """The difference of both scores in log-odds is that of the columns."""
    before, after = loans.rows["L00034"], loans.changed("L00034", income="60000", term="36")
    answer = finished(loans.why.changed(before, after, Wanted()))
    moved = answer["difference"]
    assert moved["score"] == answer["after"]["score"] - answer["before"]["score"]
    assert sum(each["difference"] for each in moved["columns"]) == pytest.approx(
        moved["log_odds"], abs=5e-6
    )
    assert {"income", "term"} <= {each["column"] for each in moved["columns"]}
    assert "not what would happen in the world" in answer["note"]


def test_a_baseline_that_cannot_be_had_says_what_to_do(loans: Loans) -> None:
    """No rows, too many, a wrong one, no file."""
    given = settings_with(), loans.schema, loans.cuts
    with pytest.raises(BaselineError, match=r"explain\.kept_rows"):
        baseline_of("typical", *given, [])
    with pytest.raises(BaselineError, match="more than 1,000 rows"):
        baseline_of("docs/example/loans.csv", *given, [])
    with pytest.raises(BaselineError, match="no-such"):
        baseline_of("no-such.csv", *given, [])
    assert baseline_of("typical", *given, loans.kept).rows[0] == loans.cuts.cut(loans.kept[0])
    (missing,) = baseline_of("missing", *given, []).rows
    assert missing == loans.cuts.cut(loans.changed("L00000", **dict.fromkeys(LEARNED, "")).line)


LEARNED = ("amount", "term", "purpose", "grade", "income")
