"""Interactions by names: of columns, of parts of a time, of namespaces of columns."""

from __future__ import annotations

from itertools import combinations

import pytest

from converters.schema.crossing import CrossingError
from converters.schema.schema import Schema
from tests.support.rows.schemas import Columns, accepted, build

LABEL: Columns = {"y": {"role": "label"}}


def test_namespace_crosses_its_columns() -> None:
    """A namespace stands for all its columns, and a time for all its parts."""
    columns: Columns = LABEL | {
        "city": {"kind": "categorical", "namespace": "place"},
        "state": {"kind": "categorical", "namespace": "place"},
        "t": {"kind": "time", "zone": "UTC", "parts": ["hour", "month"]},
    }
    schema = build(columns, learner={"interactions": [["place", "t.hour"], ["city", "t"]]})
    letters = {f.name: f.namespace for f in schema.features}
    crossed = {
        tuple(sorted(name for name, letter in letters.items() if letter and letter in pair))
        for pair in schema.interactions
    }
    assert crossed == {("city", "t.hour"), ("state", "t.hour"), ("city", "t.month")}
    row = accepted(schema, ["1", "Rome", "IT", "2013-05-01T09:00"])
    assert row[2] == "| |a city=Rome |c state=IT |b t.hour=9 |d t.month=5"


def test_namespace_with_itself() -> None:
    """A namespace crossed with itself gives each pair of its columns once."""
    columns: Columns = {n: {"kind": "numeric", "namespace": "g"} for n in ("a", "b", "c")}
    schema = build(LABEL | columns, learner={"interactions": [["g", "g"]]})
    assert len(schema.interactions) == 3
    assert all(left != right for left, right in schema.interactions)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("some", "'some2'"), ("geld", "'gold'"), ("zzz", "be some2, t.hour, t, gold")],
)
def test_wrong_interaction_says_what_may_be_meant(name: str, hint: str) -> None:
    """A misspelt name gets the nearest one, or all that there are: parts, times, namespaces."""
    columns: Columns = LABEL | {
        "some2": {"kind": "numeric", "namespace": "gold"},
        "t": {"kind": "time", "zone": "UTC", "parts": ["hour"]},
    }
    with pytest.raises(CrossingError, match=hint):
        build(columns, learner={"interactions": [[name, "t"]]})


def of_pairs(columns: Columns, **more: object) -> Schema:
    """A schema of which all columns are crossed."""
    return build(LABEL | columns, learner={"interactions": "pairs", **more})


def test_all_pairs() -> None:
    """Each feature has a letter of its own and meets every other one; words of a text do not."""
    schema = of_pairs(
        {
            "amount": {"kind": "numeric", "features": ["scale", "bins"], "edges": [10]},
            "remark": {"kind": "text"},
            "grade": {"kind": "categorical"},
            "t": {"kind": "time", "zone": "UTC", "parts": ["hour", "month"]},
        }
    )
    assert set(schema.interactions) == set(combinations("abcd", 2))
    row = accepted(schema, ["1", "12", "good one", "A", "2013-05-01T09:00"])
    text = "| remark=good remark=one |a amount=10.. amount:5 |b grade=A |c t.hour=9 |d t.month=5"
    assert row[2] == text


@pytest.mark.parametrize(("count", "more"), [(25, {}), (4, {"pairs_most": 3})])
def test_more_than_all_pairs_may_be(count: int, more: Columns) -> None:
    """What would be too many is refused with the number that may be, and what to do."""
    columns: Columns = {f"c{n}": {"kind": "categorical"} for n in range(count)}
    said = f"would cross {count} features.*pairs_most is .*name the pairs.*raise"
    with pytest.raises(CrossingError, match=said):
        of_pairs(columns, **more)
    of_pairs(columns, pairs_most=count)


def test_more_than_there_are_letters() -> None:
    """Beyond the letters no number helps, and none is advised."""
    columns: Columns = {f"c{n}": {"kind": "categorical"} for n in range(53)}
    with pytest.raises(CrossingError, match=r"init' does\.$"):
        of_pairs(columns, pairs_most=52)
