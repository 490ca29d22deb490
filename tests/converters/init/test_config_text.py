"""The config file that ``freshet init`` writes: it loads, explains itself, and fits its file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config import load
from converters.config.settings import Settings
from converters.config.toml_text import key, quoted, value
from converters.files.framing import csv_line
from converters.init.config_text import OTHERWISE, Proposal, config_text, model_name
from converters.init.declared import Declared
from converters.init.schema_inference import infer
from converters.init.trial import Origin, try_text
from converters.sampling.file_sample import Sample
from converters.schema import schema
from tests.support.rows import schemas
from tests.support.rows.tables import NOISE, Cell, by_chance, sampled, table


def written(content: bytes, **told: Any) -> tuple[str, Sample]:
    """The config file's text for a file, and its sample."""
    drawn = sampled(content)
    inference = infer(drawn, Declared(**{"label": "y", "positive": ("1",), **told}))
    return config_text("m", drawn, inference.labels, Proposal(inference.decisions)), drawn


def loaded(text: str) -> Settings:
    """The settings of such a text."""
    return load.from_values(tomllib.loads(text), Path("freshet.toml"))


def test_written_file_holds_the_decisions() -> None:
    """The file loads, and its columns are those inferred, in the file's order."""
    text, _ = written(table({"b b": lambda i: NOISE[i], "a.c": lambda i: "UV"[i % 2]}))
    built = schema.from_settings(loaded(text))
    assert built.names == ("y", "b b", "a.c")
    assert [c.settings.kind for c in built.columns] == [None, "numeric", "categorical"]


def test_each_decision_has_its_reason_above_it() -> None:
    """A comment above each column says why it is what it is, in lines that fit a screen."""
    text, _ = written(table({"a": lambda i: i % 101, "c": lambda i: "x"}))
    flat = text.replace("\n# ", " ")
    assert (
        "Numbers, 101 distinct, seen 0 .. 100; bounds 0 .. 200: widened on either side by what "
        "these span (100), but not below zero.\na = {"
    ) in flat
    assert ' Always "x": nothing to learn from.\nc = {' in flat
    assert "from the 400 rows of" in text
    assert "# 134 of 400 labels in the sample are positive (33.5%)." in text


def test_the_order_of_a_class_spellings_is_explained() -> None:
    """Where a class has several spellings, the comment says what the first is for."""
    cells: dict[str, Cell] = {"y": lambda i: "1nnno"[i % 5], "z": lambda i: NOISE[i]}
    text, _ = written(table(cells))
    assert "Answers name a class by its first spelling" in text.replace("\n# ", " ")
    assert 'negative = ["n", "o"]' in text
    assert "first spelling" not in written(table({"z": lambda i: NOISE[i]}))[0]


def test_each_alternative_can_take_its_columns_place() -> None:
    """Each line that begins with `# or:` loads where it stands instead of the one above it."""
    columns: dict[str, Cell] = {
        "k": lambda i: f"k{i}",
        "role": lambda i: i % 2,
        "few": lambda i: i % 12,
        "amount": lambda i: 1.01 ** (i * 2),
        "words": lambda i: f"a b {i % 7}",
        "kind": lambda i: f"2013-0{i % 9 + 1}-01",
        "leak": lambda i: int(by_chance(i)) + NOISE[i] / 2,
        "sex": lambda i: "mfx"[i % 3 if i % 7 else 2],
        "x.y": lambda i: "",
        "y = #": lambda i: NOISE[i],
    }
    text, drawn = written(table({"y": by_chance, **columns}))
    lines = text.splitlines()
    tried = 0
    for at, line in enumerate(lines):
        if line.startswith(OTHERWISE):
            name = line.removeprefix(OTHERWISE).split(" = {")[0]
            above = next(n for n in range(at, 0, -1) if lines[n].startswith(f"{name} = "))
            swapped = [*lines[:above], line.removeprefix(OTHERWISE), *lines[above + 1 :]]
            origin = Origin(drawn)
            assert try_text("\n".join(swapped), Path("freshet.toml"), origin).refused.total() == 0
            tried += 1
    assert tried >= 10


def test_never_missing_columns_have_the_line_that_makes_them_mandatory() -> None:
    """It stands below the column, and below no column that misses."""
    text, _ = written(table({"a": lambda i: "UV"[i % 2], "b": lambda i: ["", "U", "V"][i % 3]}))
    line = 'a = { kind = "categorical", values = ["U", "V"], missing = "reject" }  # never missing'
    assert f"# or: {line} here: to refuse rows" in text
    assert text.count("never missing here: ") == 1


def test_other_sections_are_shown_with_their_defaults() -> None:
    """The lines that are commented out hold the defaults: without their '#' nothing changes."""
    text, _ = written(table({"z": lambda i: NOISE[i]}))
    uncommented = re.sub(r"(?m)^# (?=\w+ = )", "", text)
    assert text.count("\n[") == 2 + 10
    settings = loaded(text)
    assert "kafka://HOST:PORT" in text
    assert tomllib.loads(uncommented)["late_labels"]["wait"] == settings.late_labels.wait
    assert loaded(uncommented) == settings


KEY_LINE = re.compile(r"# (\w+) = ")


def _keys(values: dict[str, Any], *within: str) -> set[tuple[str, ...]]:
    """The path of each key."""
    found: set[tuple[str, ...]] = set()
    for name, content in values.items():
        found.add((*within, name))
        if isinstance(content, dict):
            found |= _keys(content, *within, name)
    return found


def test_each_key_uncommented_is_in_its_own_section() -> None:
    """Whichever single key of a new config is uncommented, it is in the section it stands under."""
    text, _ = written(table({"z": lambda i: NOISE[i]}))
    lines, before = text.splitlines(), _keys(tomllib.loads(text))
    section: tuple[str, ...] = ()
    tried = set()
    for at, line in enumerate(lines):
        if line.startswith("["):
            section = tuple(line.strip("[]").split("."))
        if key_line := KEY_LINE.match(line):
            changed = "\n".join([*lines[:at], line.removeprefix("# "), *lines[at + 1 :]])
            assert _keys(tomllib.loads(changed)) - before == {(*section, key_line[1])}
            loaded(changed)
            tried.add((*section, key_line[1]))
    assert {("log",), ("learner", "river", "learning_rate"), ("serve", "port")} <= tried
    assert len(tried) > 50


def test_admin_token_is_not_to_be_written() -> None:
    """The file names the admin token's key, but offers no line that would hold it."""
    text, _ = written(table({"z": lambda i: NOISE[i]}))
    assert re.search("(?m)^# admin_token: .*environment", text)


nasty_names = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_categories=["Cc"]), st.sampled_from(".\"'\\#= []\x7f")
    ),
    min_size=1,
    max_size=6,
)
any_cells = st.one_of(*schemas.cells.values(), st.sampled_from("01"), st.floats().map(repr))


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_file_gives_a_config_under_which_it_passes(data: st.DataObject) -> None:
    """Whatever names and cells a file holds, what is written loads, and refuses no sampled row."""
    names = data.draw(st.lists(nasty_names, min_size=1, max_size=4, unique=True))
    names = [n for n in names if n != "y"] + ["y", "z"]
    rows = data.draw(st.lists(st.tuples(*[any_cells] * (len(names) - 2)), max_size=30))
    lines = [[*row, "10"[i % 2], NOISE[i]] for i, row in enumerate([*rows, *rows, *rows])]
    lines += [[*[""] * (len(names) - 2), "10"[i % 2], NOISE[i]] for i in range(3)]
    content = "".join(csv_line(line) + "\n" for line in [names, *lines]).encode()
    if len(set(names)) < len(names):
        return
    text, drawn = written(content)
    assert schema.from_settings(loaded(text)).names == tuple(names)
    assert drawn.rows == len(lines)
    assert try_text(text, Path("freshet.toml"), Origin(drawn)).refused.total() == 0


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_quoted(text: str) -> None:
    """A quoted text is a TOML string and a TOML key, and may stand in a comment."""
    text = text.encode("utf-8", "replace").decode()
    held = tomllib.loads(f"{key(text)} = {value([text, {text: True}])} # {quoted(text)}\n")
    assert held == {text: [text, {text: True}]}


@pytest.mark.parametrize(
    "content", [1, 2.5, 1e300, -1e-9, 3.0, True, "x", ["a", 1], {}, {"a b": {"c": []}}, -0.0]
)
def test_values_come_back(content: object) -> None:
    """Values are written so that they come back."""
    assert tomllib.loads(f"a = {value(content)}") == {"a": content}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("flights.csv", "flights"),
        ("/a/b/loans 2013 (new).csv", "loans-2013-new"),
        ("-", "model"),
        ("été.csv", "t"),
        ("_x_.csv", "x"),
        ("x" * 300, "x" * 100),
    ],
)
def test_model_is_named_after_the_file(source: str, name: str) -> None:
    """A model's default name is the file's, as far as names can hold it."""
    assert model_name(source) == name
