"""Spellings of missing: taken for such among numbers at any share, and values where they may be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import vowpalwabbit

from converters.convert.row_block import block_of
from converters.convert.to_vw_text import compile_schema, unlabelled
from converters.init.declared import Declared
from converters.init.trial import Origin, loaded, written
from converters.schema.schema import Schema
from tests.support.rows.check_files import checked
from tests.support.rows.schemas import Columns
from tests.support.rows.tables import NOISE, Cell, by_chance, decided, inferred, sampled, table

# What pandas reads as missing.
PANDAS = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
OTHERS = (
    *("\\N", "(null)", ".", "NaT", "missing", "#VALUE!", "#DIV/0!", "#REF!", "#NUM!", "#NULL!"),
    *(".a", ".z", "._", "undefined", "Undefined", "unknown", "UNKNOWN", "not available", "N.A."),
    *("n.a.", "-", "--", "---", "\u2014", "\u2013", "?", "???", "*", "nil", "TBD", "xxx", "XX"),
    *(" NA", "n/a ", "[NULL]", '"NA"', "<missing>", "k.A.", "s/d", "n\xe9ant", "\u672a\u77e5"),
    *("\u043d/\u0434", "  ", "\xa0", "none", "NONE", "__HIVE_DEFAULT_PARTITION__", "no data"),
)
# What is no spelling of missing anywhere, but none of a number either.
LIMITS = ("<0.1", "> 100", "\u22655", "1000+", "~41", "ca. 5", "<0.05 mg")
NUMBERLIKE = ("1/2", "\xbd", "0x1F", "14x10^3", "10-20", "inf", "5*")
UNKNOWN = ("never", "see note", "x")
MARKERS = (*PANDAS, *OTHERS, *LIMITS, *NUMBERLIKE, *UNKNOWN)


def with_marker(usual: Cell, marker: str, percent: int) -> Cell:
    """A column with a marker in so many cells of a hundred."""
    return lambda i: marker if i * 37 % 100 < percent else usual(i)


def floats(i: int) -> object:
    """A number that is hardly there twice."""
    return round(NOISE[i] * 100, 2)


@pytest.mark.parametrize("percent", [1, 15, 60, 90])
def test_among_numbers_at_any_share(percent: int) -> None:
    """The column is numeric with the cell as missing, and the config's comment names it."""
    columns = {f"c{n}": with_marker(floats, m, percent) for n, m in enumerate(MARKERS)}
    inference = inferred({"y": by_chance, "z": lambda i: i / 7, **columns}, rows=500)
    said = "\n".join(inference.warnings)
    for decision in inference.decisions[2:]:
        marker = MARKERS[int(decision.name[1:])]
        assert decision.settings["kind"] == "numeric", marker
        assert marker in decision.settings["missing_values"]
        assert (decision.settings.get("missing") == "indicator") == (percent > 5), marker
        shown = marker if marker.isprintable() and "\\" not in marker and '"' not in marker else ""
        assert shown in decision.because
        usual = marker in ("NA", "N/A", "NaN", "nan", "NULL", "null") or not marker.strip()
        assert usual or f'column "{decision.name}" holds ' in said, marker


@pytest.mark.parametrize("marker", ["\\N", "NaT", "unknown", "0000-00-00", "-", "never"])
@pytest.mark.parametrize("percent", [1, 15, 60, 90])
def test_among_times_and_truth_values(marker: str, percent: int) -> None:
    """Times and truth values stay such; a word beside true and false may be a value of its own."""
    days = decided(with_marker(lambda i: f"2019-{i % 12 + 1:02}-{i % 28 + 1:02}", marker, percent))
    assert (days.settings["kind"], days.settings["missing_values"]) == ("time", [marker])
    truths = decided(with_marker(lambda i: ["yes", "no"][i % 2], marker, percent))
    if marker == "never":
        assert truths.settings["values"] == ["never", "no", "yes"]
        assert "holds true and false but for" in "\n".join(truths.warnings)
    else:
        assert (truths.settings["kind"], truths.settings["missing_values"]) == ("boolean", [marker])


def test_what_was_taken_is_said() -> None:
    """With its count, its share and its first line, in the comment and in a warning."""
    decision = decided(with_marker(floats, "\\N", 15), rows=1_000)
    assert '15% missing, spelt "\\\\N" (150 cells), a feature of its own' in decision.because
    (warning,) = decision.warnings
    assert 'holds "\\\\N" in 150 of 1,000 cells (15%), the first in line 2: taken' in warning
    limit = decided(with_marker(floats, "<0.1", 15), rows=1_000)
    assert '150 of 1,000 cells are limits or approximations and taken for missing: "<0.1"' in (
        limit.because
    )
    assert "Such cells other than those listed refuse their rows" in limit.warnings[0]


def test_many_limits_are_listed() -> None:
    """Each limit is a spelling of its own, and no row is refused for one."""
    decision = decided(lambda i: f"<{i / 100}" if i % 4 == 0 else floats(i), rows=1_000)
    assert decision.settings["kind"] == "numeric"
    assert len(decision.settings["missing_values"]) == 250
    assert '"<0.0", "<0.04"' in decision.warnings[0]
    assert "and 242 more" in decision.warnings[0]


VALUES: list[tuple[str, Cell, tuple[str, ...]]] = [
    ("countries", lambda i: ["NA", "ZA", "DE", "FR", "US"][i % 5], ("NA",)),
    ("signs", lambda i: "+-"[i % 2], ("-",)),
    ("punctuation", lambda i: ".,;?-"[i % 5], (".", "?", "-")),
    ("severity", lambda i: ["none", "mild", "severe"][i % 3], ("none",)),
    ("garage", lambda i: ["None", "Attached", "Detached", "Basement"][i % 4], ("None",)),
    ("surname", lambda i: ["Null", "Smith", "Jones", "Brown", "Nan"][i % 5], ("Null",)),
    ("answer", lambda i: ["unknown", "red", "blue"][i % 3], ("unknown",)),
    ("sizes", lambda i: ["S", "M", "L", "XL", "na"][i % 5], ("na",)),
    ("diagnosis", lambda i: f"V{i // 8}" if i % 8 == 0 else 250 + i % 90, ("V0",)),
]


@pytest.mark.parametrize(("name", "make", "kept"), VALUES, ids=[name for name, _, _ in VALUES])
def test_values_that_look_like_markers(name: str, make: Cell, kept: tuple[str, ...]) -> None:
    """Codes, signs, names and words among categories stay values."""
    decision = decided(make)
    assert decision.settings["kind"] == "categorical"
    assert not {*kept} & {*decision.settings.get("missing_values", ())}


@pytest.mark.parametrize("marker", ["\\N", "(null)", "#N/A", "<NA>", "NULL", "N/A", "NaN", "nan"])
def test_certain_markers_among_categories(marker: str) -> None:
    """What only a program writes is missing in a column of categories too."""
    found = decided(lambda i: ["red", "blue", "green", marker][i % 4]).settings
    assert (found["kind"], found["missing_values"]) == ("categorical", [marker])


@pytest.mark.parametrize("marker", ["\\N", "unknown", "pending", "."])
def test_labels_that_are_not_known(marker: str) -> None:
    """They are no negatives, and a warning says how many; a sign that is a class stays one."""
    inference = inferred({"y": lambda i: ["1", "0", marker][i % 3], "z": lambda i: NOISE[i]})
    assert (inference.labels.negative, inference.labels.missing) == (("0",), (marker,))
    assert "taken for a label that is not known" in inference.warnings[0]
    signs = inferred({"y": lambda i: "+-"[i % 2], "z": lambda i: NOISE[i]}, positive=("+",))
    assert signs.labels.negative == ("-",)


def test_a_time_or_an_id_that_is_none_is_told() -> None:
    """The rows would be refused, or count as duplicates of each other."""
    columns: dict[str, Cell] = {
        "t": with_marker(lambda i: f"2019-{i % 12 + 1:02}-{i % 28 + 1:02}", "\\N", 15),
        "k": with_marker(lambda i: f"k{i}", "NULL", 15),
        "z": lambda i: NOISE[i],
    }
    inference = inferred(columns, time_column="t", id_column="k")
    said = "\n".join(inference.warnings)
    assert '"t" holds "\\\\N" in 60 of 400 cells (15%), the first in line 2: such rows are' in said
    assert '"k" holds "NULL" in 60 of 400 cells (15%), the first in line 2: each is an id' in said


def test_numbers_and_symbols_are_no_markers() -> None:
    """Zeros are numbers however many, and a symbol is a class of its own."""
    assert (
        "missing_values" not in decided(lambda i: "00000000" if i % 9 == 0 else floats(i)).settings
    )
    assert inferred(
        {"y": lambda i: ["1", "\xa9"][i % 2], "z": lambda i: NOISE[i]}
    ).labels.negative == ("\xa9",)


def config_of(make: Cell) -> tuple[Schema, list[list[str]]]:
    """The schema that init writes for a file with a column like this, and the file's rows."""
    columns: dict[str, Cell] = {
        "y": lambda i: "1" if NOISE[i] + NOISE[-1 - i] > 1.2 else "0",
        "a": make,
        "z": lambda i: "uvw"[i % 3],
    }
    content = table(columns, 1_500)
    config = written(Origin(sampled(content)), Declared("y", ("1",)), "m", Path("freshet.toml"))
    rows = [line.split(",") for line in content.decode().splitlines()[1:]]
    return loaded(config.text, Path("freshet.toml")), rows


def vw_lines(make: Cell) -> list[tuple[str, int]]:
    """The learner's text of each row of such a file, and its class."""
    built, rows = config_of(make)
    convert = compile_schema(built).row
    made: list[Any] = [convert(cells) for cells in rows]
    return [(text, label) for _, label, text in made]


def auc_of(lines: list[tuple[str, int]]) -> float:
    """What a model is worth that learns the rows one by one, by its scores before each."""
    workspace = vowpalwabbit.Workspace("--quiet --loss_function logistic")
    scores = []
    for text, label in lines:
        scores.append(workspace.predict(unlabelled(text)))
        workspace.learn(*block_of([("", label, text)]).lines)
    workspace.finish()
    of = [np.array([s for s, (_, y) in zip(scores, lines, strict=True) if y == k]) for k in (0, 1)]
    return float((of[1][:, None] > of[0][None, :]).mean())


ISSUE = ("\\N", "(null)", ".", "#N/A", "n/a", "<NA>", "NaT", "missing", "<0.1")


@pytest.mark.parametrize("marker", ISSUE)
def test_a_marker_is_learned_as_the_empty_cell_is(marker: str) -> None:
    """The learner gets the same text for each row: no marker makes a number a category."""
    empty = vw_lines(with_marker(floats, "", 15))
    assert vw_lines(with_marker(floats, marker, 15)) == empty


def test_a_number_with_markers_predicts() -> None:
    """A model of such a column is worth what the numbers are."""
    assert auc_of(vw_lines(with_marker(floats, "\\N", 15))) > 0.7


def test_check_tells_numbers_that_are_categories() -> None:
    """Under a config that makes categories of them, with the line that makes numbers of them."""
    columns: Columns = {"y": {"role": "label"}, "a": {"kind": "categorical"}}
    rows = [(i % 2, "\\N" if i % 7 == 0 else "<0.1" if i % 7 == 1 else i / 7) for i in range(700)]
    (found,) = (f for f in checked(columns, rows).findings if f.code == "numbers-as-categories")
    assert found.level == "warning"
    assert "500 of 700 cells (71.4 %) are numbers, 500 different ones" in found.message
    line = 'write for [columns] a: kind = "numeric", missing_values = ["<0.1", "\\\\N"]'
    assert found.message.endswith(line)
    zips = [(i % 2, "unknown" if i % 9 == 0 else f"0{1000 + i}") for i in range(700)]
    codes = {f.code for f in checked(columns, zips).findings}
    assert "numbers-as-categories" not in codes


def test_check_tells_spellings_that_refuse_rows() -> None:
    """Those that no sample holds too, with the line that takes them for missing."""
    columns: Columns = {"y": {"role": "label"}, "a": {"kind": "numeric"}}
    rows = [(i % 2, "never" if i == 10_500 else i / 7) for i in range(10_600)]
    rows[10_550] = (0, "\\N")
    found = checked(columns, rows)
    said = {f.level: f.message for f in found.findings if f.code == "sentinels"}
    line = 'write for [columns] a: missing_values = ["\\\\N", "never"]'
    assert said["problem"].startswith("'a' holds \"\\\\N\" in 1 row, whose rows are refused.")
    assert said["warning"].startswith("'a' holds \"never\" in 1 row, whose rows are refused.")
    assert said["problem"].endswith(line)
    assert said["warning"].endswith(line)
    assert found.rejected == 2


def test_check_tells_what_counts_as_missing() -> None:
    """Spellings that the config lists are counted, in all rows of the file."""
    columns: Columns = {
        "y": {"role": "label"},
        "a": {"kind": "numeric", "missing_values": ["\\N", "NA", "never"]},
    }
    rows = [(i % 2, ["\\N", "NA", i / 7, i / 9][i % 4]) for i in range(1_000)]
    (found,) = (f for f in checked(columns, rows).findings if f.code == "missing-values")
    assert found.level == "note"
    assert found.message == "'a' holds \"\\\\N\" in 250 rows, counted as missing."
