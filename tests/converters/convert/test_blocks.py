"""Many rows at once: whatever they hold, each becomes what it becomes alone."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.cells.numbers import number_pieces, number_text, numbers
from converters.cells.refusal import Refusal
from converters.convert import column_memory
from converters.convert.to_vw_text import FEWEST_IN_BLOCK, compile_schema, reference
from tests.support.rows import schemas
from tests.support.rows.schemas import build

SCHEMA = build(
    {
        "key": {"role": "id"},
        "late": {"role": "label"},
        "dist": {"kind": "numeric", "min": -50, "max": 50},
        "load": {"kind": "numeric", "transform": "log1p", "missing": "indicator"},
        "carrier": {"kind": "categorical"},
    }
)
GOOD = ["k", "1", "7", "2.5", "UA"]
# Lines of too many and too few cells that make up for each other, line ends aside.
ODD_LINES = ["", ",", "k,1,7,2.5", "k,1,7,2.5,UA,AA", "k,1,7,2.5,U A", "k,2,7,2.5,UA", "k,1,x,1,UA"]


@given(st.lists(st.sampled_from([",".join(GOOD)] * 8 + ODD_LINES), max_size=3 * FEWEST_IN_BLOCK))
def test_lines(lines: list[str]) -> None:
    """Lines of any widths, good and bad, convert as their cells do one by one."""
    plain = reference(SCHEMA)
    found = compile_schema(SCHEMA).lines(lines, ",")
    assert found == [plain(line.split(",")) for line in lines]


def test_refused_rows_stay_refused() -> None:
    """A row refused before its cells were known passes through in its place."""
    refusal = Refusal("not-utf8", "", "x")
    rows = [GOOD, refusal] * FEWEST_IN_BLOCK
    good = reference(SCHEMA)(GOOD)
    assert compile_schema(SCHEMA).rows(rows) == [good, refusal] * FEWEST_IN_BLOCK


@pytest.mark.parametrize("size", [1, FEWEST_IN_BLOCK, 300])
def test_values_that_never_repeat(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Where remembering was given up, numbers and categories still come out as one by one."""
    monkeypatch.setattr(column_memory, "FIRST_LOOK", 8)
    monkeypatch.setattr(column_memory, "WATCHED_CELLS", 8)
    dice = random.Random(size)
    plain, conversion = reference(SCHEMA), compile_schema(SCHEMA)
    odd = ["", "0", "-0", "1e-38", "1e39", "x", "1e-20", "7.0", " 8 ", "1_0", "1e16", "5e-5"]
    for _ in range(12):
        rows = []
        for _ in range(size):
            a, b = (repr(dice.gauss(0, 40)) for _ in range(2))
            c = f"{dice.getrandbits(40):x}" + dice.choice(["", "", "", " ", "|", "^", "\n", "é"])
            if dice.random() < 0.01:
                a = dice.choice(odd)
            rows.append(["k", "1", a, dice.choice([b, b, b, *odd[:4]]), c])
        assert conversion.rows(rows) == [plain(row) for row in rows]


@given(st.lists(st.one_of(schemas.decimals, st.sampled_from(["1,5", "5.", "007", "+1"]))))
def test_many_numbers(cells: list[str]) -> None:
    """Numbers read together are the doubles that float reads."""
    found = numbers(cells) if cells else None
    if found is not None:
        assert found == [float(cell) for cell in cells]


@given(st.lists(st.floats(-3e38, 3e38).filter(lambda x: not 0 < abs(x) < 1e-37), min_size=1))
def test_many_numbers_are_written_as_one(values: list[float]) -> None:
    """Numbers written together are written as one by one."""
    alone = [f" a:{number_text(value)}" if value else " a=0" for value in values]
    pieces, plain = number_pieces(" a:", values, " a=0")
    assert pieces == alone
    assert plain == all(not value or 1e-4 <= abs(value) < 1e7 for value in values)
