"""What was told about a file: roles, classes, and what does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from converters.files.csv_file import CsvFileError
from converters.init.declared import InferError
from converters.init.schema_inference import Inference
from tests.support.rows.tables import NOISE, Cell, column, decided, inferred, warnings


def test_roles_as_told() -> None:
    """Columns take the roles that are told, whatever they look like."""
    inference = inferred(
        {
            "k": lambda i: f"k{i}",
            "t": lambda i: 1_357_034_400 + i,
            "n": str,
            "z": lambda i: NOISE[i],
        },
        id_column="k",
        time_column="t",
        drop=("n",),
    )
    roles = {d.name: d.settings.get("role", "feature") for d in inference.decisions}
    assert roles == {"y": "label", "k": "id", "t": "time", "n": "drop", "z": "feature"}
    assert inference.warnings == ()


def test_time_that_is_none() -> None:
    """A time column with a cell that is no time is an error that names cell and line."""
    with pytest.raises(CsvFileError, match=r'f\.csv, line 5: "soon" in the time column "a" is no'):
        warnings(lambda i: "soon" if i == 3 else "2013-01-01", time_column="a")
    assert column(lambda i: "" if i == 3 else "2013-01-01", time_column="a") == {"role": "time"}


def test_ids_that_repeat_or_lack() -> None:
    """An id column that repeats itself, or is empty at times, is told."""
    said = warnings(lambda i: "" if i < 2 else f"k{max(i, 5)}", id_column="a")
    assert 'id column "a" repeats itself in 3 rows' in said
    assert 'id column "a" is empty in 2 rows' in said


def test_ids_that_end_in_0_are_integers() -> None:
    """All of them as pandas writes integers beside missing cells; other ids are texts."""
    said = warnings(lambda i: f"{100_001 + i}.0", id_column="a")
    assert 'such as "100001.0": labels will say 100001.' in said
    found = decided(lambda i: f"{100_001 + i}.0" if i else "", id_column="a")
    assert found.settings == {"role": "id", "kind": "integer"}
    assert [other.settings for other in found.otherwise] == [{"role": "id"}]
    assert not found.is_learned
    for make in (lambda i: f"{i}", lambda i: f"{i}.5", lambda i: f"{i}.0" if i else "k"):
        assert column(make, id_column="a") == {"role": "id"}


SOME_FLOATS: list[tuple[Cell, str]] = [
    (lambda i: f"{i // 2}{'.0' * (i % 2)}", "200 of 400 ids end in .0"),
    (lambda i: f"{i}.0" if i else "nan", '"nan" in 1 row of the sample, which are refused'),
    (lambda i: f"{100_000 + i:.6e}", "ids are written with an exponent"),
]


@pytest.mark.parametrize(("make", "said"), SOME_FLOATS)
def test_ids_in_several_spellings_are_integers(make: Cell, said: str) -> None:
    """Where some end in .0, a cell is no id, or all have an exponent; repeats count as read."""
    found = decided(make, id_column="a")
    assert found.settings == {"role": "id", "kind": "integer"}
    assert said in "\n".join(found.warnings)
    assert ("repeats itself in 200 rows" in found.warnings[0]) is (said[:3] == "200")


def test_one_row_is_no_rows() -> None:
    """What is told of one row is told in the singular."""
    assert "is empty in 1 row of" in warnings(lambda i: f"k{i}" if i else "", id_column="a")


def test_unknown_column_names_those_there_are() -> None:
    """A column that the file lacks is an error with the likeliest meant and all there are."""
    with pytest.raises(InferError, match=r'--label names the column "lable", .*"y", "a", "label"'):
        inferred({"a": str, "label": str}, label="lable")
    with pytest.raises(InferError, match='did you mean "label"'):
        inferred({"a": str, "label": str}, label="lable")
    with pytest.raises(InferError, match='--drop names the column "b"'):
        inferred({"a": str}, drop=("b",))


def test_column_with_two_roles() -> None:
    """One column cannot be told to be two things."""
    with pytest.raises(InferError, match='--label and --id both name the column "y"'):
        inferred({"a": str}, id_column="y")


def test_nothing_left_to_learn_from() -> None:
    """When every column is dropped, the error says why each was."""
    with pytest.raises(InferError, match=r'no column to learn from .*"a": always "x"'):
        inferred({"a": lambda _: "x"})


def labels_of(values: Sequence[str], **told: Any) -> Inference:
    """What is inferred where the label column holds these values in turn."""
    columns: dict[str, Cell] = {
        "y": lambda i: values[i % len(values)],
        "z": lambda i: NOISE[i],
    }
    return inferred(columns, **told)


def test_every_other_value_is_negative() -> None:
    """Without ``--negative`` each other value that occurs is negative; more than one is told."""
    two = labels_of(["1", "0"])
    assert (two.labels.positive, two.labels.negative, two.warnings) == (("1",), ("0",), ())
    three = labels_of(["1", "0", "2"])
    assert three.labels.negative == ("0", "2")
    assert '"y" holds 3 values; all but "1" count as negative: "0", "2"' in three.warnings[0]


def test_the_most_frequent_spelling_of_a_class_stands_first() -> None:
    """Answers name a class by its first spelling, which is the one that comes most often."""
    cells = ["1", "yes", "yes", "a", "b", "b", "b", "c", "c"]
    labels = labels_of(cells, positive=("1", "yes", "new")).labels
    assert (labels.positive, labels.negative) == (("yes", "1", "new"), ("b", "c", "a"))


def test_a_class_is_told_in_any_spelling() -> None:
    """--positive 1 means the file's 1.0, and --positive true its True."""
    labels = labels_of(["1.0", "0.0", "1"], positive=("1",)).labels
    assert (labels.positive, labels.negative) == (("1.0", "1"), ("0.0",))
    labels = labels_of(["True", "False"], positive=("true",), negative=("false",)).labels
    assert (labels.positive, labels.negative) == (("True",), ("False",))


@pytest.mark.parametrize(
    ("cells", "told", "positive", "negative"),
    [
        (["1", "0", "1 ", "1.0 "], {}, {"1", "1 ", "1.0 "}, {"0"}),
        (["Yes", "yes", "YES ", "no", " No"], {"positive": ("Yes",)}, {"Yes", "yes", "YES "}, None),
        (["1 ", "0"], {}, {"1", "1 "}, {"0"}),
        (["1", "True", "0", "False", "yes\u00a0"], {}, {"1", "True", "yes\u00a0"}, None),
        (["1", "0", "0 ", "2"], {"negative": ("0",)}, {"1"}, {"0", "0 "}),
        (["a", "A", "A "], {"positive": ("A",), "negative": ("a",)}, {"A"}, {"a"}),
    ],
)
def test_a_class_but_for_blanks_or_capitals(
    cells: list[str], told: dict[str, Any], positive: set[str], negative: set[str] | None
) -> None:
    """A spelling that a person cannot tell from a class is that class, which is said."""
    found = labels_of(cells, **told)
    assert {*found.labels.positive} == positive
    assert {*found.labels.negative} == ({*cells} - positive if negative is None else negative)
    told_so = "is a class but for blanks, capitals or the words for" in str(found.warnings)
    assert told_so is (cells[0] != "a")


def test_negative_as_told() -> None:
    """With ``--negative`` only that is negative, and rows of other values are told."""
    inference = labels_of(["1", "0", "2", ""], negative=("0",))
    assert inference.labels.negative == ("0",)
    assert (
        'holds "2" besides the values given; such rows (100 in the sample)'
        in (inference.warnings[0])
    )


def test_missing_labels_are_not_a_class() -> None:
    """A label spelt as missing is not known, unless it is told to be a class."""
    inference = labels_of(["1", "0", "NA"])
    assert inference.labels.negative == ("0",)
    assert inference.decisions[0].settings == {"role": "label", "missing_values": ("NA",)}
    told = labels_of(["yes", "none"], positive=("yes",), negative=("none",))
    assert (told.labels.negative, told.labels.missing) == (("none",), ())


def test_positive_that_never_occurs() -> None:
    """A positive value that does not occur is an error that lists those that do."""
    with pytest.raises(InferError, match=r'--positive "yes" never occurs.*values are "0", "1"'):
        labels_of(["1", "0"], positive=("yes",))
    with pytest.raises(InferError, match="values are all missing"):
        labels_of(["", "NA"])


def test_label_with_one_class() -> None:
    """A sample with one class: an error without ``--negative``, a warning with it."""
    with pytest.raises(InferError, match=r'no value but "1" \(and "NA", read as not known\)'):
        labels_of(["1", "NA"])
    said = labels_of(["1"], negative=("0",)).warnings
    assert 'never holds "0"' in said[0]
    assert "holds only one class" in said[1]


def test_label_that_is_none() -> None:
    """A label column with many values is doubted, and the list of values stays short."""
    said = labels_of([str(i) for i in range(50)]).warnings
    assert '"0", "10", "11"' in said[0]
    assert "and 39 more" in said[0]
    assert "is it the label?" in said[1]


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"positive": ("",)}, "empty cell cannot be a class"),
        ({"positive": ("1",), "negative": ("1",)}, '"1" twice'),
    ],
)
def test_contradicting_classes(told: dict[str, Any], said: str) -> None:
    """What cannot be a class, or is told as both, is an error."""
    with pytest.raises(InferError, match=said):
        labels_of(["1", "0"], **told)


GAPS: dict[str, Cell] = {
    "a": lambda i: NOISE[i],
    "b": lambda i: "" if i % 9 == 0 else NOISE[-i],
    "c": lambda i: "uvwx"[i % 4],
}


def test_features_that_never_miss_are_proposed_as_mandatory() -> None:
    """As a line that can be put in place; --mandatory all makes it live, and it can be undone."""
    proposed = inferred(GAPS).decisions[1:]
    assert [d.never_missing for d in proposed] == [True, False, True]
    assert all("reject" not in d.settings.values() for d in proposed)
    live = inferred(GAPS, mandatory=("all",)).decisions[1:]
    assert [d.settings.get("missing") for d in live] == ["reject", "indicator", "reject"]
    assert "missing" not in live[2].otherwise[0].settings


def test_a_mandatory_column_that_misses_refuses_rows_with_a_warning() -> None:
    """One that is named is mandatory whatever the sample lacks; one that is no feature is told."""
    inference = inferred(GAPS, mandatory=("b",))
    settings = [d.settings.get("missing") for d in inference.decisions[1:]]
    assert settings == [None, "reject", None]
    assert 'column "b" is missing in 45 of 400 rows, which are refused' in inference.warnings[0]
    with pytest.raises(InferError, match=r'--mandatory "x" names no feature; these are "a", "b"'):
        inferred(GAPS, mandatory=("x",))
