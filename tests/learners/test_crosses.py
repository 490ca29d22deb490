"""Crossed columns: Vowpal Wabbit and river cross the same features of a row, and no others."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from converters.cells.refusal import Refusal
from converters.config.learning_settings import RiverSettings
from converters.convert.from_vw_text import crossed, read_row
from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema
from learners.line_bounds import bounds_for, interactions_of
from learners.river.arguments import river_spec
from learners.vw.arguments import vw_spec
from tests.support.learning.vw_audit import audit, shown
from tests.support.rows import random_rows
from tests.support.rows.schemas import accepted, build

ROWS = 40

COLUMNS: dict[str, dict[str, Any]] = {
    "late": {"role": "label"},
    "applied": {"kind": "time", "zone": "UTC", "parts": ["hour", "weekday"]},
    "city": {"kind": "categorical", "namespace": "geo"},
    "height": {"kind": "numeric", "namespace": "geo"},
    "words": {"kind": "text"},
    "paid": {"kind": "boolean"},
}
ROW = ["", "2013-02-03T04:05:06", "Bonn", "2.5", "a b", "yes"]


def vw_crosses(
    texts: Sequence[str], pairs: Sequence[str], folder: Path
) -> list[Counter[tuple[str, str]]]:
    """The crosses of each line by the two names that meet, with their values added up."""
    found = []
    for audited in audit(texts, folder, pairs):
        crosses: Counter[tuple[str, str]] = Counter()
        for feature in shown(audited):
            if feature.name.count("^") == 2:
                crosses[meeting(feature.name, "^")] += feature.value  # type: ignore[assignment]
        found.append(crosses)
    return found


def meeting(name: str, mark: str) -> tuple[str, str]:
    """The two features of a cross, in no order: within one namespace VW's is that of the text.

    A ``*`` within a name is not what joins them.
    """
    at = name.rindex(mark) - 2
    assert name[at] == "*"
    first, second = sorted((name[:at], name[at + 1 :]))
    return first, second


def river_crosses(text: str, pairs: Sequence[str]) -> dict[tuple[str, str], float]:
    """The same by river's reading of the text."""
    values = crossed(read_row(text).spaces, pairs)
    both = {meeting(key, "|"): value for key, value in values.items()}
    return {(a.replace("|", "^"), b.replace("|", "^")): v for (a, b), v in both.items()}


def crossing(dice: random.Random) -> Schema:
    """A schema with crosses of columns, parts of times, and namespaces."""
    columns = random_rows.columns(dice)
    learned = [name for name, c in columns.items() if "kind" in c]
    for name in dice.sample(learned, min(len(learned), 2)):
        columns[name]["namespace"] = "\u2028group"
    named = [*learned, "at", "at.hour", "at.weekday", "\u2028group"]
    pairs = [[dice.choice(named), dice.choice(named)] for _ in range(3)]
    return build(columns, learner={"interactions": pairs})


@pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(n, marks=pytest.mark.long) for n in range(4, 100))]
)
def test_vw_and_river_cross_the_same(seed: int, tmp_path: Path) -> None:
    """For any schema, each row's crosses have the same names and, to six digits, values."""
    dice = random.Random(seed)
    schema = crossing(dice)
    spec = vw_spec("", schema.interactions)
    pairs, line_bounds = interactions_of(spec.args), bounds_for(spec)
    assert pairs == interactions_of(river_spec(RiverSettings(), schema.interactions).args)
    rows = [random_rows.row(dice, schema) for _ in range(ROWS)]
    converted = map(compile_schema(schema).row, rows)
    texts = [row[2] for row in converted if not isinstance(row, Refusal)]
    texts = [text for text in texts if line_bounds.reason(text) is None]
    for text, seen in zip(texts, vw_crosses(texts, pairs, tmp_path), strict=True):
        ours = river_crosses(text, pairs)
        assert ours.keys() == seen.keys()
        for names, value in ours.items():
            assert value == pytest.approx(seen[names], rel=1e-4, abs=1e-36)


def crosses_of(tmp_path: Path, *interactions: list[str]) -> set[str]:
    """The crosses of the row, by readable names."""
    schema = build(COLUMNS, learner={"interactions": list(interactions)})
    pairs = interactions_of(vw_spec("", schema.interactions).args)
    converted = compile_schema(schema).row(ROW)
    assert not isinstance(converted, Refusal)
    (seen,) = vw_crosses([converted[2]], pairs, tmp_path)
    assert seen.keys() == river_crosses(converted[2], pairs).keys()
    return {" ".join(sorted(name.partition("^")[2] for name in names)) for names in seen}


def test_columns_cross(tmp_path: Path) -> None:
    """Each token of one column meets each of the other."""
    assert crosses_of(tmp_path, ["city", "words"]) == {"city=Bonn words=a", "city=Bonn words=b"}


def test_a_part_of_a_time_crosses(tmp_path: Path) -> None:
    """A part alone, by its name."""
    assert crosses_of(tmp_path, ["paid", "applied.hour"]) == {"applied.hour=4 paid=true"}


def test_a_time_crosses_with_all_its_parts(tmp_path: Path) -> None:
    """The name of a time stands for its parts."""
    both = {"applied.hour=4 height", "applied.weekday=sun height"}
    assert crosses_of(tmp_path, ["applied", "height"]) == both


def test_a_namespace_crosses_with_all_its_columns(tmp_path: Path) -> None:
    """A namespace stands for the columns in it; the same pair twice is one."""
    both = {"city=Bonn paid=true", "height paid=true"}
    assert crosses_of(tmp_path, ["geo", "paid"], ["paid", "city"]) == both


def test_a_namespace_crosses_with_itself(tmp_path: Path) -> None:
    """Each pair of different columns once."""
    assert crosses_of(tmp_path, ["geo", "geo"]) == {"city=Bonn height"}


def test_a_repeated_token_crosses_with_itself(tmp_path: Path) -> None:
    """Of three that are the same, each unordered pair meets, and each meets itself: six."""
    schema = build(COLUMNS, learner={"interactions": [["words", "words"], ["words", "city"]]})
    pairs = interactions_of(vw_spec("", schema.interactions).args)
    text = accepted(schema, ["", "", "Bonn", "", "a b a a", ""])[2]
    (seen,) = vw_crosses([text], pairs, tmp_path)
    assert river_crosses(text, pairs) == seen
    assert sorted(seen.values()) == [1, 1, 3, 3, 6]


def test_a_column_crosses_with_itself(tmp_path: Path) -> None:
    """Each unordered pair of its tokens, and each with itself; the square of a number."""
    squares = {f"words={a} words={b}" for a, b in [*combinations("ab", 2), ("a", "a"), ("b", "b")]}
    found = crosses_of(tmp_path, ["words", "words"], ["height", "height"])
    assert found == squares | {"height height"}
