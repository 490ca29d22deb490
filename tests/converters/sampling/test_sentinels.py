"""Values that stand for a missing one are told from those that are ordinary."""

from __future__ import annotations

from collections import Counter

import pytest

from converters.sampling import sentinels
from tests.support.rows.check_files import checked
from tests.support.rows.schemas import Columns
from tests.support.rows.tables import NOISE, column, decided

DEGREES = Counter(str(n % 60 - 20) for n in range(600))


@pytest.mark.parametrize(
    "found",
    [
        *({"-9999": 3}, {"-999": 2, "999": 12}, {"-9999.0": 2}, {"99999": 1}),
        *({"32767": 2}, {"9223372036854775807": 2}, {"-9223372036854775808": 1}),
        *({"1e20": 2}, {"-1.E+34": 2}, {"-3.4028234663852886e+38": 2}, {"9.96921E+36": 2}),
    ],
)
def test_numbers_far_from_all_others(found: dict[str, int]) -> None:
    """Nines and the ends of integers, once or often."""
    assert sentinels.numbers(DEGREES + Counter(found)) == sorted(found)


@pytest.mark.parametrize(
    "cells",
    [
        Counter(map(str, range(2000))) + Counter({"999": 5}),
        Counter(map(str, range(0, 120, 7))) + Counter({"99": 5}),
        Counter({"19": 4, "49": 9, "450": 3, "999": 2}),  # prices
        Counter({"1": 9, "2": 9, "9": 9}),
        DEGREES,
        Counter({"-9999": 5}),
        DEGREES + Counter({"-77": 1, "1234": 30}),
    ],
)
def test_numbers_that_are_ordinary(cells: Counter[str]) -> None:
    """Within the others, near them, or no such number."""
    assert sentinels.numbers(cells) == []


DAYS = Counter(f"2019-{n % 12 + 1:02}-{n % 28 + 1:02}" for n in range(400))


def test_dates() -> None:
    """Far from all others, or so often as no other."""
    never = Counter({"9999-12-31": 1, "0001-01-01T00:00:00": 1, "1900-01-01": 2})
    assert sentinels.dates(DAYS + never + Counter({"2099-12-31": 1})) == sorted(never)
    births = Counter(f"{1950 + n % 50}-01-01" for n in range(100))
    assert sentinels.dates(births) == []
    assert sentinels.dates(births + Counter({"1970-01-01": 90})) == ["1970-01-01"]
    assert sentinels.dates(Counter({"1970-01-01": 90, "x": 1})) == []


def test_init_takes_them_for_missing() -> None:
    """The range is that of the others, and what was done is said."""
    decision = decided(lambda i: "-9999" if i % 40 == 7 else round(NOISE[i] * 60, 1))
    assert decision.settings["missing_values"] == ["-9999"]
    assert decision.settings["min"] == 0
    assert (
        'holds "-9999" in 10 of 400 rows, the first in line 9, far from all others'
        in (decision.warnings[0])
    )
    days = column(lambda i: "9999-12-31" if i % 9 == 7 else f"2019-{i % 12 + 1:02}-15")
    assert (days["kind"], days["missing_values"]) == ("time", ["9999-12-31"])
    assert "missing_values" not in column(lambda i: int(NOISE[i] * 20_000) if i % 9 else 999)


@pytest.mark.parametrize("word", ["unknown", "0000-00-00", "n.a."])
def test_words_among_dates(word: str) -> None:
    """They keep no column from being one of times."""
    decision = decided(lambda i: word if i % 9 == 7 else f"2019-{i % 12 + 1:02}-15")
    assert decision.settings["kind"] == "time"
    assert decision.settings["missing_values"] == [word]
    assert f'"{word}" in 44 of 400 cells (11%), the first in line 9: taken' in decision.warnings[0]


def test_other_cells_among_dates() -> None:
    """The cells that are no times are named, not the dates."""
    decision = decided(lambda i: f"see {i}" if i % 40 == 7 else f"2019-{i % 12 + 1:02}-15")
    (warning,) = decision.warnings
    assert 'holds times but for 10 of 400 cells, such as "see 7" in line 9.' in warning


def test_init_shows_how_words_are_missing() -> None:
    """A category such as unknown stays one, and the line below it says how it would be missing."""
    decision = decided(lambda i: ["a", "b", "unknown"][i % 3])
    assert decision.settings == {"kind": "categorical", "values": ["a", "b", "unknown"]}
    assert decision.otherwise[-1].settings["values"] == ["a", "b"]
    assert decision.otherwise[-1].settings["missing_values"] == ["unknown"]


def test_minus_one_may_be_a_number() -> None:
    """Where it alone is negative it is a note, and init leaves it as it is."""
    rows = [[i % 2, -1 if i % 9 == 0 else i % 60] for i in range(300)]
    found = checked({"y": {"role": "label"}, "t": {"kind": "numeric"}}, rows).findings
    (finding,) = [f for f in found if f.code == "sentinels"]
    assert (finding.level, finding.column) == ("note", "t")
    assert "missing_values" not in column(lambda i: -1 if i % 9 == 0 else int(NOISE[i] * 900))


COLUMNS: Columns = {
    "y": {"role": "label"},
    "t": {"kind": "numeric", "missing_values": ["NA"]},
    "d": {"kind": "time", "zone": "UTC"},
    "c": {"kind": "categorical"},
    "k": {"kind": "numeric", "missing_values": ["-9999"]},
    "s": {"role": "protected"},
}


def test_check_tells_them() -> None:
    """How often, and the config line that reads them; not where the config knows already."""
    rows = [[i % 2, i % 60, f"2019-03-{i % 28 + 1:02}", "ab"[i % 2], i % 7, i] for i in range(300)]
    for i in range(0, 300, 50):
        rows[i][1:] = ["-9999", "9999-12-31", "unknown", "-9999", "unknown"]
    rows[9][1], rows[10][2] = "n/a", "-"
    found = {
        (f.column, f.level): f.message
        for f in checked(COLUMNS, rows).findings
        if f.code == "sentinels"
    }
    assert set(found) == {
        *(("t", "warning"), ("t", "problem"), ("d", "warning"), ("d", "problem"), ("c", "note"))
    }
    assert found["t", "warning"] == (
        "'t' holds \"-9999\" in 6 rows, far from all others. If that means missing, write for "
        '[columns] t: missing_values = ["-9999", "NA", "n/a"]'
    )
    assert found["t", "problem"].endswith(
        "refused. If that means missing, write for [columns] t: missing_values = "
        '["-9999", "NA", "n/a"]'
    )
    assert found["d", "warning"].endswith('missing_values = ["-", "9999-12-31"]')
    assert 'holds "unknown" in 6 rows, read as categories like others.' in found["c", "note"]


def test_numbers_set_aside_keep_what_is_missing() -> None:
    """The line that would learn from a protected column, or from a leak, has the sentinel too."""
    protected = decided(lambda i: -9999 if i % 9 == 0 else int(NOISE[i] * 90), name="pregnant")
    assert protected.settings == {"role": "protected"}
    assert protected.otherwise[0].settings["missing_values"] == ["-9999"]
