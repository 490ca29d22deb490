"""Columns that are protected by their name, rare values, long tails, and shared spellings."""

from __future__ import annotations

import pytest

from converters.cells.feature import Feature
from converters.config.column_settings import ColumnSettings
from tests.support.rows.tables import NOISE, Cell, column, decided, inferred

WORDS: Cell = lambda i: ["ab", "cd", "ef"][i % 3]  # noqa: E731
OF_WORDS = {"kind": "categorical", "values": ["ab", "cd", "ef"]}


PROTECTED = (
    "sex,Gender,applicant_sex,RACE,religion,ethnicGroup,national origin,sex_code,sexual_orientation"
)


@pytest.mark.parametrize("name", PROTECTED.split(","))
def test_protected_names_are_not_learned_from(name: str) -> None:
    """Names that clearly say what must not decide about people get the role protected."""
    decision = decided(WORDS, name=name)
    assert decision.settings == {"role": "protected"}
    assert decision.otherwise[0].settings == OF_WORDS
    assert "is protected by its name" in decision.warnings[0]


@pytest.mark.parametrize("name", ["age", "birth_date", "zip_code", "maritalStatus", "age_group"])
def test_doubtful_names_are_asked_about(name: str) -> None:
    """Names that may stand for it stay features, with a warning and the line that protects."""
    decision = decided(WORDS, name=name)
    assert decision.settings == OF_WORDS
    assert decision.otherwise[0].settings == {"role": "protected"}
    assert "may be an attribute that must not decide about people" in decision.warnings[0]


@pytest.mark.parametrize("name", ["average", "sextant", "trace", "race_time", "origin", "page"])
def test_other_names_are_left_alone(name: str) -> None:
    """A name that merely holds such a word is no reason for anything."""
    assert decided(WORDS, name=name).warnings == ()


def test_told_protects_nothing() -> None:
    """What was told of a column stands, whatever it is called."""
    assert column(WORDS, name="sex", drop=("sex",)) == {"role": "drop"}


def test_rare_values_of_a_short_list_are_grouped() -> None:
    """Few values of which some are rare are listed, and the rare ones count as one."""
    make: Cell = lambda i: ["u", "v"][i % 2] if i > 8 else ["x", "y", "z"][i % 3]  # noqa: E731
    decision = decided(make, rows=1_500)
    assert decision.settings == {
        "kind": "categorical",
        "values": ["u", "v"],
        "rare_values": ["x", "y", "z"],
        "rare": "group",
    }
    assert "a value in neither list is kept as it is" in decision.because
    assert decision.otherwise[0].settings == {"kind": "categorical"}
    assert "rare_values" not in column(make, rows=900)


def test_rare_values_of_a_long_list_are_only_told() -> None:
    """Of a column with many values none is listed in the file; the comment counts the rare."""
    decision = decided(lambda i: f"N{i % 900}" if i < 900 else f"N{i % 9}", rows=1_500)
    assert decision.settings == {"kind": "categorical"}
    assert "891 values have fewer than 5 rows here" in decision.because


@pytest.mark.parametrize(
    ("make", "rows", "values"),
    [
        (lambda i: f"s{i % 60}", 400, 60),
        (lambda i: f"s{i % 101}", 400, 0),  # too many
        (lambda i: f"s{i}" if i < 5 else "s", 400, 0),  # one of a hundred rows will bring others
        (lambda i: f"s{i}" if i < 4 else "s", 400, 5),
        (lambda i: "s" * 41 if i % 2 else "t", 400, 0),  # too long for a line
        (lambda i: ["36.0", "60.0", "12"][i % 3], 400, 3),
    ],
)
def test_known_values_are_listed(make: Cell, rows: int, values: int) -> None:
    """So that others are told as unseen; not where they are too many, or too few rows show them."""
    decision = decided(make, rows=rows)
    listed = decision.settings.get("values", ())
    assert (decision.settings["kind"], len(listed)) == ("categorical", values)
    assert ("another value is kept as it is, and counted as unseen" in decision.because) is (
        values > 0
    )


def test_known_values_leave_features_as_they_were() -> None:
    """A number is listed in the spelling that counts where nothing is listed."""
    make: Cell = lambda i: ["36.0", "60.0", "True", "x y"][i % 4]  # noqa: E731
    listed = ColumnSettings(**column(make))
    plain = ColumnSettings(kind="categorical")
    assert listed.values == ("36", "60", "true", "x y")
    for cell in ("36.0", "36", "60.00", "True", "TRUE", "x y", "new", "7.0"):
        pieces = [Feature("a", "a", settings).piece(cell) for settings in (listed, plain)]
        assert pieces[0] == pieces[1]
    assert Feature("a", "a", listed).is_unseen("new")


@pytest.mark.parametrize("cell", ["NaN", "nan", "None", "null", "<NA>", "NaT", "Null", "x"])
@pytest.mark.parametrize("values", [(), ("None",), ("a",)])
def test_printed_missing_values_are_unseen(cell: str, values: tuple[str, ...]) -> None:
    """What a program printed for no value is told, also where no values are listed."""
    feature = Feature("a", "a", ColumnSettings(kind="categorical", values=values))
    printed = cell not in ("Null", "x")
    assert feature.is_unseen(cell) is (cell not in values if values else printed)
    said = ColumnSettings(kind="categorical", missing_values=(cell,))
    assert not Feature("a", "a", said).is_unseen(cell)


TAILS: list[tuple[Cell, str | None]] = [
    (lambda i: round(1 / (1.001 - NOISE[i]), 3), "log1p"),
    (lambda i: 0 if i % 2 else round(1 / (1.001 - NOISE[i]), 3), "log1p"),
    (lambda i: round(0.001 / (1.001 - NOISE[i]), 7), None),
    (lambda i: round(1 / (1.001 - NOISE[i]) - 2, 3), None),
    (lambda i: NOISE[i] * 1_000, None),
]


@pytest.mark.parametrize(
    ("make", "transform"), TAILS, ids=["long", "with zeros", "small", "below zero", "even"]
)
def test_long_tails_are_learned_by_their_logarithm(make: Cell, transform: str | None) -> None:
    """log1p where one in a hundred is five times the usual and 10 or more, and none is negative."""
    decision = decided(make, rows=1_000)
    assert decision.settings.get("transform") == transform
    if transform:
        assert "long-tailed (one in a hundred is from" in decision.because
        assert "transform" not in decision.otherwise[0].settings


def test_missing_spelt_in_one_column_is_missing_in_numbers_of_another() -> None:
    """What one column spells as missing is listed for columns of numbers, times and truth too."""
    inference = inferred(
        {
            "a": lambda i: "NA" if i % 50 == 0 else NOISE[i],
            "b": lambda i: NOISE[-i],
            "c": lambda i: ["yes", "no"][i % 2],
            "d": lambda i: f"2013-01-{i % 28 + 1:02}",
            "e": WORDS,
        }
    )
    spelt = [d.settings.get("missing_values") for d in inference.decisions[1:]]
    assert spelt == [["NA"], ["NA"], ["NA"], ["NA"], None]
    beside = inference.decisions[3].otherwise[0].settings
    assert beside == {"kind": "categorical", "missing_values": ["NA"]}
    assert '"NA" means missing in other columns' in inference.decisions[2].because
