"""What a report says of one value in several spellings, and of ids that end in .0."""

from __future__ import annotations

from typing import Any

import pytest

from converters.check.data_report import Report
from converters.check.respelt import Respelling
from tests.support.rows.check_files import LABELLED, checked, codes, column
from tests.support.rows.schemas import Columns

ROWS = 60


def report_of(settings: dict[str, Any], cells: list[str]) -> Report:
    """The report on a file whose column ``c`` repeats these cells."""
    columns: Columns = {**LABELLED, "c": settings}
    return checked(columns, [[i % 2, i, cells[i % len(cells)]] for i in range(ROWS)])


def messages(found: Report, code: str) -> list[str]:
    """What the findings of a code say."""
    return [finding.message for finding in found.findings if finding.code == code]


def test_spellings_of_one_value_are_counted_as_one_and_told() -> None:
    """A category of 36 and 36.0 has one value more than its others, with the rows of both."""
    found = report_of({"kind": "categorical"}, ["36", "36.0", "True", "true", "UA"])
    (said,) = messages(found, "spellings")
    assert '"36.0" in 12 rows and "36" in 12 rows; "True" in 12 rows and "true"' in said
    report = column(found, "c")
    assert {value.text: value.rows for value in report.top} == {"36": 24, "true": 24, "UA": 12}
    assert report.distinct.count == 3


@pytest.mark.parametrize("cells", [["36.0", "37.0"], ["36", "37"], ["1.1", "1.10"], ["a", "b"]])
def test_one_spelling_of_each_value_is_not_told(cells: list[str]) -> None:
    """Nothing is told where no value has two, nor of versions, which stay apart."""
    found = report_of({"kind": "categorical"}, cells)
    assert messages(found, "spellings") == []
    assert column(found, "c").distinct.count == 2


def test_another_spelling_of_a_listed_value_is_not_unseen() -> None:
    """Unseen and missing are what the converter takes for them."""
    settings = {"kind": "categorical", "values": ["36"], "missing_values": ["-1"]}
    report = column(report_of(settings, ["36.0", "-1.0", "7"]), "c")
    assert (report.unseen, report.missing) == (20, 20)
    numbers = column(report_of({"kind": "numeric", "missing_values": ["-9"]}, ["-9.0", "5"]), "c")
    assert numbers.missing == ROWS // 2
    assert numbers.numbers is not None
    assert numbers.numbers.min == 5


def test_labels_are_counted_by_the_rule_of_the_stream() -> None:
    """A file whose labels are 1.0 and 0.0 has labels of the map 1 and 0."""
    columns: Columns = {**LABELLED, "c": {"kind": "categorical"}}
    found = checked(columns, [[("1.0", "0.0")[i % 2], i, "a"] for i in range(ROWS)])
    assert found.rejected == 0
    assert found.balance is not None
    assert (found.balance.positive, found.balance.negative) == (30, 30)


def test_ids_that_end_in_0_are_told() -> None:
    """All of them, where ids are texts; as integers they are what labels say."""
    ids = [f"{n}.0" for n in range(100_001, 100_001 + ROWS)]
    found = report_of({"role": "id"}, ids)
    (said,) = messages(found, "float-ids")
    assert 'Labels say 100001: set kind = "integer"' in said
    assert "float-ids:c" in codes(found, "warning")
    assert messages(report_of({"role": "id", "kind": "integer"}, ids), "float-ids") == []
    assert messages(report_of({"role": "id"}, [*ids[1:], "A1"]), "float-ids") == []


@pytest.mark.parametrize("other", ["100001", "nan", "1.00001e+05", ""])
def test_ids_of_which_some_are_floats(other: str) -> None:
    """Integers in several spellings, beside cells that say that there is no id."""
    ids = [f"{n}.0" if n % 2 else f"{n}" for n in range(100_001, 100_000 + ROWS)]
    assert len(messages(report_of({"role": "id"}, [*ids, other]), "float-ids")) == 1


def test_integer_ids_repeat_however_they_are_spelt() -> None:
    """007 and 7.0 are one id, and nothing is learned from it."""
    found = report_of({"role": "id", "kind": "integer"}, ["007", "7.0", "8"])
    assert found.repeated_ids is not None
    assert found.repeated_ids.count == ROWS - 2
    assert not column(found, "c").learned


def test_codes_beyond_what_is_remembered_are_not_told_as_plain() -> None:
    """Codes that pandas wrote as floats, more than are counted, in blocks; none is plain."""
    seen = Respelling("feature", "categorical", lambda cell: cell.removesuffix(".0"))
    for first in (1_000, 1_500, 2_000) * 3:
        seen.read([f"{code}.0" for code in range(first, first + 500)])
    assert list(seen.said({str(code): 3 for code in range(1_000, 2_500)})) == []
