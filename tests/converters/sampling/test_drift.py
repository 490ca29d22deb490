"""How ``freshet check`` compares the halves of a file."""

from __future__ import annotations

import math
import random
from collections import Counter

import numpy as np
import pytest

from converters.sampling.drift import drift, largest, stability
from tests.support.rows.check_files import checked, codes, column
from tests.support.rows.schemas import Columns

DICE = random.Random(4)
COLUMNS: Columns = {
    "late": {"role": "label"},
    "same": {"kind": "numeric"},
    "shifted": {"kind": "numeric"},
    "mixed": {"kind": "categorical"},
    "replaced": {"kind": "categorical"},
    "month": {"kind": "categorical"},
    "lost": {"kind": "numeric"},
    "dropped": {"role": "drop"},
}


def row(number: int, of: int) -> list[object]:
    """A row of a file that changes at its half."""
    second = 2 * number >= of
    return [
        int(DICE.random() < (0.4 if second else 0.2)),
        DICE.gauss(0, 1),
        DICE.gauss(1.5 * second, 1),
        DICE.choice("abcdef"),
        DICE.choice("vwx" if second else "abv"),
        1 + 12 * number // of,
        "" if second and DICE.random() < 0.8 else DICE.gauss(0, 1),
        DICE.choice("vw" if second else "ab"),
    ]


REPORT = checked(COLUMNS, [row(number, 3000) for number in range(3000)])


def test_columns_that_change_are_told() -> None:
    """A shift, new values, and cells that go missing are warned of; what stays is not."""
    drifted = {code for code in codes(REPORT, "warning") if code.startswith("drift")}
    assert drifted == {"drift:shifted", "drift:replaced", "drift:lost"}


def test_what_the_file_is_ordered_by_is_no_alarm() -> None:
    """A month that goes on through the file is noted, as what the file is ordered by."""
    assert "ordered-by:month" in codes(REPORT, "note")


def test_columns_that_are_not_learned_are_measured_only() -> None:
    """A dropped column that drifts has its index and no warning."""
    found = column(REPORT, "dropped").drift
    assert found is not None
    assert found.psi > 1
    assert not any(code.endswith(":dropped") for code in codes(REPORT))


def test_the_label_rate_of_the_halves_is_compared() -> None:
    """Each half's share of positive labels is told, and warned of where it differs."""
    assert REPORT.half_rates is not None
    assert REPORT.half_rates == pytest.approx((0.2, 0.4), abs=0.04)
    assert "label-drift:late" in codes(REPORT, "warning")


def test_the_index_is_the_population_stability_index() -> None:
    """sum((p - q) ln(p / q)) over the shares of the values, each half with half a row more each."""
    cells = [each[3] for each in (row(number, 400) for number in range(400))]
    first, second = Counter(cells[:200]), Counter(cells[200:])
    expected = 0.0
    for value in "abcdef":
        p, q = ((half[value] + 0.5) / 203 for half in (first, second))
        expected += (p - q) * math.log(p / q)
    codes_of = np.array(["abcdef".index(str(cell)) for cell in cells])
    found = drift(codes_of, np.arange(400) >= 200)
    assert found is not None
    assert found.psi == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("values", "chi_squared"), [(2, 10.828), (8, 24.322), (40, 45.315)])
def test_chance_is_chi_squared(values: int, chi_squared: float) -> None:
    """The bound is chi-squared's upper thousandth, and columns of chance stay under it."""
    draw = np.random.default_rng(values)
    second = np.arange(2000) >= 1000
    every = [drift(draw.integers(0, values, 2000), second) for _ in range(300)]
    found = [each for each in every if each is not None]
    assert found[0].chance == pytest.approx(chi_squared * 2 / 1000, rel=0.06)
    assert sum(each.psi > each.chance for each in found) <= 3
    assert not any(each.ordered for each in found)


def test_small_halves_that_differ_by_chance_are_no_drift() -> None:
    """In 40 rows of 15 values the index is large, and so is what chance makes it."""
    columns: Columns = {"late": {"role": "label"}, "c": {"kind": "categorical"}}
    found = checked(columns, [(number % 2, DICE.randrange(15)) for number in range(40)])
    assert not any(code.startswith("drift") for code in codes(found))


def test_all_but_the_largest_values_are_one() -> None:
    """The most frequent values keep a code of their own."""
    found = largest(np.array([5, 5, 5, 9, 9, 1, 2, 3]), 2)
    assert found.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]


def test_equal_halves_have_no_distance() -> None:
    """Equal shares give zero."""
    assert stability(np.array([3, 4]), np.array([3, 4])) == 0
