"""Schemas for tests: built from plain dictionaries, and drawn by hypothesis with rows to match."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from converters import config, schema
from converters.cells import Refusal
from converters.schema import Schema
from converters.vw_text import Row, compile_schema

Columns = dict[str, dict[str, Any]]

POSITIVE, NEGATIVE = ["1", "yes"], ["0", "no"]


def build(columns: Columns, **sections: dict[str, Any]) -> Schema:
    """The schema of these columns; labels are ``1``/``yes`` and ``0``/``no`` unless said."""
    values = {
        "model": "m",
        "columns": columns,
        "label": {"positive": POSITIVE, "negative": NEGATIVE},
        **sections,
    }
    return schema.from_settings(config.from_values(values, Path("freshet.toml")))


FLIGHT: Columns = {
    "key": {"role": "id"},
    "when": {"role": "time"},
    "late": {"role": "label"},
    "note": {"role": "drop"},
    "dist": {"kind": "numeric", "min": 0, "max": 5000},
    "carrier": {"kind": "categorical"},
    "remark": {"kind": "text", "missing": "indicator"},
}


def accepted(schema: Schema, row: Sequence[str]) -> Row:
    """The checked row, which must not be refused."""
    converted = compile_schema(schema).row(row)
    assert not isinstance(converted, Refusal), converted
    return converted


# Everything UTF-8 can hold, with what VW or CSV takes for syntax much more often than by chance.
texts = st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from(' |:%=,"\n\r\t\0\x7f1a')))
names = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_categories=["Cc"]), st.sampled_from(" |:%=.'\"")
    ),
    min_size=1,
    max_size=8,
)
decimals = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers().map(str),
    st.sampled_from(
        ["0", "-0", "0.0", "+5", "1e-37", "9e-38", "1e-400", ".5", "5.", " 7 ", "1e38"]
    ),
)
mistakes = st.sampled_from(["inf", "nan", "1e39", "0x1p3", "1a5", "1_000", "٣", "NA", "", " "])
cells = {
    "numeric": st.one_of(decimals, mistakes),
    "categorical": st.one_of(texts, mistakes),
    "text": st.one_of(texts, st.lists(texts, max_size=4).map(" ".join), mistakes),
    "id": texts,
    "time": st.sampled_from([*["", "2013-01-01T05:00:00Z", "1357034400"] * 4, "soon"]),
    "label": st.sampled_from([*["", "1", "yes", "0", "no"] * 4, "NA", " 1"]),
    "drop": texts,
}
missing = {
    "missing": st.sampled_from(["drop", "drop", "indicator", "indicator", "reject"]),
    "missing_values": st.sampled_from([[], ["NA"], ["NA", " ", "0"]]),
}
features = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(["categorical", "text"]), **missing}),
    st.fixed_dictionaries(
        {
            "kind": st.just("numeric"),
            "min": st.sampled_from([None, -1e6, 0.0]),
            "max": st.sampled_from([None, 1e-30, 100.0]),
            "out_of_range": st.sampled_from(["clip", "reject"]),
            "transform": st.sampled_from(["none", "log1p"]),
            **missing,
        }
    ),
)


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Any schema of one to six features with Unicode names, and any of the other roles."""
    columns: Columns = draw(st.dictionaries(names, features, min_size=1, max_size=6))
    interactions = draw(
        st.lists(st.tuples(*[st.sampled_from(sorted(columns))] * 2).map(list), max_size=2)
    )
    roles = draw(st.sets(st.sampled_from(["id", "time", "drop"]))) | {"label"}
    for role in sorted(roles):
        columns[f"\u2028{role}"] = {"role": role}
    order = draw(st.permutations(sorted(columns)))
    return build({n: columns[n] for n in order}, learner={"interactions": interactions})


@st.composite
def rows_of(draw: st.DrawFn, built: Schema) -> list[str]:
    """A row of as many cells as the schema has columns, mostly right, seldom refused."""
    return [draw(cells[c.settings.kind or c.settings.role]) for c in built.columns]
