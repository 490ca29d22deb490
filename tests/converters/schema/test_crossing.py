"""Interactions by names: of columns, of parts of a time, of namespaces of columns."""

from __future__ import annotations

import pytest

from converters.schema.crossing import CrossingError
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
