"""What ``freshet check`` says is wrong: problems, warnings, notes, and no laughable alarms."""

from __future__ import annotations

import random

import pytest

from converters.check.check import NOT_SHOWN
from converters.check.rendering import facts
from converters.show.tables import cut
from tests.support.rows.check_files import LABELLED, checked, codes, column, content, report_on
from tests.support.rows.schemas import Columns, build

DICE = random.Random(2)


def only(columns: Columns, rows: list[list[object]]) -> set[str]:
    """The findings about a file of two even classes and these further columns."""
    labelled = [[number % 2, DICE.random(), *row] for number, row in enumerate(rows)]
    return codes(checked({**LABELLED, **columns}, labelled))


def test_a_good_file_has_no_findings() -> None:
    """Random columns of all kinds, both classes even: nothing to say."""
    columns: Columns = {
        "c": {"kind": "categorical"},
        "t": {"kind": "text"},
        "b": {"kind": "boolean"},
        "w": {"kind": "time", "zone": "UTC"},
    }
    rows: list[list[object]] = [
        [
            DICE.choice("abc"),
            f"text {DICE.random()}",
            DICE.choice(["yes", "no"]),
            f"{2000 + number}-01-01",
        ]
        for number in range(400)
    ]
    assert only(columns, rows) == set()


def test_columns_the_config_does_not_name_are_problems_and_profiled() -> None:
    """An unknown column makes convert refuse the file; what is in it is told all the same."""
    found = report_on(content(["late", "x", "new"], [(1, 2, "v")] * 3), build(LABELLED))
    assert codes(found, "problem") == {"unknown-columns", "single-class:late"}
    assert (column(found, "new").role, column(found, "new").top[0].text) == ("unknown", "v")


def test_columns_by_former_names() -> None:
    """They are profiled as the columns that they are now; a name that is not needed is told."""
    columns: Columns = {
        "late": {"role": "label", "was": "delayed"},
        "x": {"kind": "numeric", "was": ["y", "z"]},
    }
    rows = content(["z", "y", "delayed"], [("v", 2, 1), ("w", 3, 0)])
    found = report_on(rows, build(columns))
    assert codes(found) == {"former-names", "former-columns"}
    said = {finding.code: finding.message for finding in found.findings}
    assert "'y' is 'x' now, 'delayed' is 'late' now" in said["former-names"]
    assert "The file has 'z'" in said["former-columns"]
    assert (found.label, found.rejected, column(found, "x").missing) == ("late", 0, 0)
    assert [each.role for each in found.columns] == ["former", "feature", "label"]


@pytest.mark.parametrize(("negative", "said"), [(["0", "1 "], True), (["0", "11"], False)])
def test_spellings_of_both_classes_that_look_alike(negative: list[str], said: bool) -> None:
    """A config that counts ``1`` as positive and ``1 `` as negative is told so."""
    rows: list[list[object]] = [[number % 2, DICE.random()] for number in range(40)]
    label = {"positive": ["1"], "negative": negative}
    report = report_on(content(["late", "x"], rows), build(LABELLED, label=label))
    assert ("label-spellings:late" in codes(report, "warning")) is said


def test_columns_that_the_file_lacks() -> None:
    """A column that is absent counts as missing: a problem where that refuses each row."""
    columns: Columns = {**LABELLED, "y": {"kind": "numeric"}}
    rows = content(["late", "x"], [(1, 2), (0, 3)])
    assert codes(report_on(rows, build(columns))) == {"absent-columns"}
    columns["y"]["missing"] = "reject"
    found = report_on(rows, build(columns))
    assert codes(found, "problem") == {"absent-columns", "rejected-rows"}
    assert [(group.reason, group.column) for group in found.rejects] == [("missing-value", "y")]


@pytest.mark.parametrize(
    ("positive", "expected"),
    [
        (0, "single-class:late"),
        (14, "unbalanced-classes:late"),
        (15, None),
        (86, "unbalanced-classes:late"),
    ],
)
def test_classes_out_of_balance(positive: int, expected: str | None) -> None:
    """One class alone is a problem; under 15 % of either is a warning."""
    labels = [int(number < positive) for number in range(100)]
    DICE.shuffle(labels)
    found = {
        code
        for code in codes(checked(LABELLED, [(y, DICE.random()) for y in labels]))
        if "class" in code
    }
    assert found == ({expected} if expected else set())


def test_labels_that_come_late_are_no_problem() -> None:
    """Without a label in the file: a warning where an id lets labels come later."""
    rows: list[tuple[object, ...]] = [("", number) for number in range(5)]
    assert codes(checked(LABELLED, rows), "problem") == {"no-labels:late"}
    columns: Columns = {**LABELLED, "id": {"role": "id"}}
    late = checked(columns, [(*row, number) for number, row in enumerate(rows)])
    assert codes(late) == {"no-labels:late"}
    assert not late.problems


def test_a_config_without_a_label_column() -> None:
    """It is the config that names none, whatever the file holds: a warning, and said so."""
    found = checked({"id": {"role": "id"}, "x": {"kind": "numeric"}}, [(1, 2), (2, 3)])
    assert codes(found, "warning") == codes(found) == {"no-labels"}
    assert "Labels: the config names no label column" in list(facts(found))
    lacking = report_on(b"x\n1\n", build(LABELLED))
    assert "Labels: the file lacks the column 'late'" in list(facts(lacking))


def test_refused_labels_are_counted_apart() -> None:
    """A label that is no class is neither a class nor missing; and is no label that comes late."""
    columns: Columns = {**LABELLED, "id": {"role": "id"}}
    labels = ["0", "0", "", "late", "late"]
    found = checked(columns, [(label, 1, number) for number, label in enumerate(labels)])
    balance = found.balance
    assert balance is not None
    assert (balance.negative, balance.unknown, balance.refused) == (2, 1, 2)
    (said,) = [fact for fact in facts(found) if fact.startswith("Labels")]
    assert said.startswith("Labels 'late': 0 positive of 2 (0.0 %), 1 missing, 2 refused")
    assert "2 labels are refused" in next(f.message for f in found.findings if "cla" in f.code)
    all_refused = checked(columns, [("late", 1, 1)])
    assert "no-labels:late" in codes(all_refused, "problem")


def test_one_of_anything_is_told_in_the_singular() -> None:
    """A single row, cell, label or id is not said to be several."""
    columns: Columns = {
        **LABELLED,
        "id": {"role": "id"},
        "at": {"role": "time"},
        "c": {"kind": "categorical", "values": ["a"]},
    }
    columns["x"] = {"kind": "numeric", "max": 5}
    rows = [("", 9, "k", "2013-01-02", "z"), ("", 1, "k", "2013-01-01", "a"), (1, "no", 1, "", "")]
    found = checked(columns, rows)
    said = [finding.message for finding in found.findings] + list(facts(found))
    for words in (
        *("1 of 3 rows (33.3 %) is refused", "1 row has an id", "1 row is earlier", "1 cell (50.0"),
        *("The only label is positive", "1 row out of order", "1 duplicate id"),
    ):
        assert any(words in each for each in said), words


def test_a_repeated_row_equals_another() -> None:
    """Of one repeated row the verb is singular, of two it is not."""
    for rows, words in ((2, "1 of 2 rows equals"), (3, "2 of 3 rows equal an")):
        found = checked(LABELLED, [(1, 2)] * rows)
        assert any(words in finding.message for finding in found.findings)


def test_columns_that_say_nothing() -> None:
    """Constant, always missing, mostly missing and nearly unique features are warned of."""
    kinds = ("constant", "empty", "mostly", "unique", "unique_number")
    columns: Columns = {name: {"kind": "categorical"} for name in kinds}
    columns["unique_number"]["kind"] = "numeric"
    rows: list[list[object]] = [
        ["same", "", DICE.choice("ab") if number % 3 == 0 else "", f"u{number}", number * 1.5]
        for number in range(90)
    ]
    random.Random(1).shuffle(rows)  # an unlucky order drifts
    assert only(columns, rows) == {
        *(
            "constant:constant",
            "always-missing:empty",
            "mostly-missing:mostly",
            "nearly-unique:unique",
        )
    }


def test_cells_out_of_range_and_unseen() -> None:
    """From one in a hundred, numbers that are clipped and values not listed are warned of."""
    columns: Columns = {
        "n": {"kind": "numeric", "min": 0, "max": 9},
        "c": {"kind": "categorical", "values": ["a"], "rare_values": ["b"]},
    }
    rows: list[list[object]] = [[DICE.randrange(10), DICE.choice("ab")] for _ in range(200)]
    assert only(columns, rows) == set()
    rows[3], rows[70] = [10, "a"], [-1, "a"]
    rows[9], rows[110] = [5, "z"], [5, "y"]
    assert only(columns, rows) == {"out-of-range:n", "unseen-values:c"}


def test_alike_rows_without_id_or_time_are_only_noted() -> None:
    """Rows of few values are bound to be alike; with an id they should not be."""
    rows: list[tuple[object, ...]] = [(number % 2, number % 3) for number in range(60)]
    assert codes(checked(LABELLED, rows)) == {"repeated-rows"}
    assert codes(checked(LABELLED, rows), "note") == {"repeated-rows"}


def test_a_gap_in_time_is_noted() -> None:
    """A tenth of the time without a row, in a file in order, is noted with its line."""
    columns: Columns = {**LABELLED, "at": {"role": "time"}}
    days = [*range(100), *range(200, 300)]
    rows = [(day % 2, DICE.random(), 1357000000 + 86400 * day) for day in days]
    found = checked(columns, rows)
    assert codes(found) == {"time-gap:at"}
    assert "before line 102" in found.findings[0].message


def test_problems_come_first() -> None:
    """Findings stand in the order of their weight."""
    columns: Columns = {**LABELLED, "c": {"kind": "categorical"}}
    found = checked(columns, [(1, "bad", "same") for _ in range(30)])
    levels = [finding.level for finding in found.findings]
    assert levels == sorted(levels, key=["problem", "warning", "note"].index)
    assert found.problems == levels.count("problem") == 2


def test_protected_values_are_never_shown() -> None:
    """Of a protected column the report holds counts, and of refused whole rows no text."""
    columns: Columns = {**LABELLED, "faith": {"role": "protected"}}
    rows: list[list[object]] = [[number % 2, "far", "secret"] for number in range(30)]
    found = report_on(content(list(columns), rows) + b"1,2,secret,more\n", build(columns))
    assert column(found, "faith").distinct.count == 1
    assert "secret" not in repr(found)
    texts = {group.reason: group.examples[0].text for group in found.rejects}
    assert texts["not-a-number"] == "far"
    assert texts["wrong-width"] == cut(texts["wrong-width"]) == NOT_SHOWN
