"""Schemas for tests: built from plain dictionaries, and drawn by hypothesis with rows to match."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config import load
from converters.config.column_settings import ColumnSettings
from converters.convert.to_vw_text import Row, compile_schema
from converters.schema import schema
from converters.schema.schema import Schema

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
    return schema.from_settings(load.from_values(values, Path("freshet.toml")))


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


# For tests that draw schemas, which takes long where others keep the machine busy.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

# Everything UTF-8 can hold, with what VW or CSV takes for syntax much more often than by chance.
texts = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from(' |:%^=*,"\n\r\t\0\x7f1a\u3000'))
)
names = st.one_of(
    st.text(
        st.one_of(
            st.characters(codec="utf-8", exclude_categories=["Cc"]), st.sampled_from(" |:%=.^*'\"")
        ),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(["Constant", "a", "a=b", "a^b", "a*b", "a=", "a%3D", "5", "05"]),
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
_moments = st.datetimes(datetime.fromisoformat("1950-01-01"), datetime.fromisoformat("2100-01-01"))
times = st.one_of(
    st.builds(
        "{}{}{}".format,
        _moments.map(datetime.isoformat),
        st.sampled_from(["", "Z", "+05:30", "-11:00"]),
        st.sampled_from(["", "", " "]),
    ),
    st.dates().map(str),
    st.integers(10**8, 10**13 - 1).map(str),
    st.integers(7 * 10**8, 2 * 10**9).map(str),
    st.integers(7 * 10**11, 2 * 10**12).map(str),
    st.builds("{:{}}".format, _moments, st.sampled_from(["%Y%m%d%H", "%Y%m%d%H%M%S"])),
    st.sampled_from(["1357034400.25", "2013-03-10T02:30:00", "2013-11-03 01:30", ""]),
)
cells = {
    "numeric": st.one_of(decimals, mistakes),
    "categorical": st.one_of(texts, mistakes, st.sampled_from(["red", "blue", "%rare", "Ä|"])),
    "text": st.one_of(texts, st.lists(texts, max_size=4).map(" ".join), mistakes),
    "boolean": st.sampled_from([*["true", "yes", "1", "F", "no", "0", "ja", "nein"] * 2, "2", ""]),
    "time": st.one_of(times, times, times, st.sampled_from(["soon", "12", "1969-12-31T23:59:59"])),
    "id": texts,
    "weight": st.one_of(st.sampled_from(["", "1", "0", "2.5", "1e-20", "NA"]), decimals, mistakes),
    "label": st.sampled_from([*["", "1", "yes", "0", "no"] * 4, "NA", " 1"]),
    "leak": texts,
    "protected": texts,
    "drop": texts,
}
GROUPED = ("keep", "group", "missing", "reject")
ZONES = ("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland")
PARTS = ("hour", "weekday", "month", "day", "year")
_SPELLINGS = st.sampled_from([[], ["NA"], ["NA", " ", "-"]])


def _missing(filling: str) -> st.SearchStrategy[dict[str, Any]]:
    """What happens to missing cells; the filling must be a value of the column."""
    policies = st.sampled_from(["drop", "drop", "indicator", "indicator", "reject", "constant"])
    return st.builds(
        lambda policy, spellings: {
            "missing": policy,
            "missing_values": spellings,
            **({"fill_value": filling} if policy == "constant" else {}),
        },
        policies,
        _SPELLINGS,
    )


def _joined(*parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """One column's settings, of several strategies."""
    return st.tuples(*parts).map(lambda drawn: {k: v for part in drawn for k, v in part.items()})


_transforms = st.one_of(
    st.sampled_from([{"transform": "none"}, {"transform": "log1p"}]),
    st.fixed_dictionaries(
        {
            "transform": st.just("scale"),
            "center": st.sampled_from([0.0, -2.5, 1e6]),
            "scale": st.sampled_from([1.0, 3.0, 1e-30, 1e30]),
        }
    ),
    st.fixed_dictionaries(
        {
            "features": st.sampled_from(
                [["scale", "bins"], ["bins", "log1p"], ["raw", "bins"], ["bins"]]
            ),
            "edges": st.sampled_from([[0.0], [-2.5, 0.0, 0.1], [1e-30, 7.0, 1e30]]),
        }
    ),
    st.fixed_dictionaries(
        {
            "features": st.just(["scale"]),
            "center": st.sampled_from([0.0, -2.5, 1e6]),
            "scale": st.sampled_from([1.0, 3.0, 1e-30, 1e30]),
            "clip": st.sampled_from([0.5, 5.0, 1e6]),
        }
    ),
    st.fixed_dictionaries(
        {
            "transform": st.just("bucket"),
            "edges": st.lists(
                st.sampled_from([-1e30, -2.5, 0.0, 1e-30, 0.1, 7.0, 1e6, 1e30]),
                min_size=1,
                max_size=4,
                unique=True,
            ).map(sorted),
        }
    ),
)
_numeric = st.fixed_dictionaries(
    {
        "kind": st.just("numeric"),
        "min": st.sampled_from([None, None, -1e6, 0.0]),
        "max": st.sampled_from([None, None, 50.0, 1e9]),
        "out_of_range": st.sampled_from(["clip", "reject"]),
    }
)


@st.composite
def _categorical(draw: st.DrawFn) -> dict[str, Any]:
    known = draw(st.sampled_from([[], ["red", "blue"], ["red", "Ä|", "%rare"]]))
    rare = draw(st.sampled_from([[], ["green", "1"]]))
    return {
        "kind": "categorical",
        "values": known,
        "rare_values": rare,
        "rare": draw(st.sampled_from(GROUPED)) if rare else "keep",
        "unseen": draw(st.sampled_from(GROUPED)) if known else "keep",
    }


_boolean = st.one_of(
    _joined(st.just({"kind": "boolean"}), _missing("yes")),
    _joined(
        st.just({"kind": "boolean", "true_values": ["ja"], "false_values": ["nein"]}),
        _missing("ja"),
    ),
)
_parts = st.fixed_dictionaries(
    {
        "zone": st.sampled_from(ZONES),
        "parts": st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True),
    }
)
features = st.one_of(
    _joined(_categorical(), _missing("red")),
    _joined(st.just({"kind": "text"}), _missing("two words")),
    _joined(_numeric, _transforms, _missing("7.5")),
    _boolean,
    _joined(st.just({"kind": "time"}), _parts, _missing("2013-02-03T04:05:06")),
)
_times_of_events = st.one_of(st.just({"role": "time"}), _joined(st.just({"role": "time"}), _parts))
_weights = st.sampled_from(
    [
        {"role": "weight"},
        {"role": "weight", "max": 3.0, "out_of_range": "reject"},
        {"role": "weight", "min": 0.5, "fill_value": "2", "missing_values": ["NA"]},
        {"role": "weight", "missing": "reject", "max": 1e6},
    ]
)
_roles = {
    "id": st.just({"role": "id"}),
    "time": _times_of_events,
    "weight": _weights,
    "leak": st.just({"role": "leak"}),
    "protected": st.just({"role": "protected"}),
    "drop": st.just({"role": "drop"}),
}


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Any schema of one to six feature columns with Unicode names, and any of the other roles."""
    columns: Columns = draw(st.dictionaries(names, features, min_size=1, max_size=6))
    for role in sorted(draw(st.sets(st.sampled_from(sorted(_roles))))):
        columns[f"\u2028{role}"] = draw(_roles[role])
    columns["\u2028label"] = {"role": "label", "missing_values": draw(_SPELLINGS)}
    derived = [f"{n}.{part}" for n, c in columns.items() for part in c.get("parts", ())]
    assume(not columns.keys() & set(derived))
    learned = [name for name, c in columns.items() if "kind" in c or "parts" in c]
    grouped = draw(st.lists(st.sampled_from(learned), max_size=3, unique=True))
    for name in grouped:
        columns[name]["namespace"] = "\u2028group"
    crossed = st.sampled_from([*learned, *derived, *(["\u2028group"] if grouped else [])])
    interactions = draw(st.lists(st.tuples(crossed, crossed).map(list), max_size=3))
    order = draw(st.permutations(sorted(columns)))
    return build({n: columns[n] for n in order}, learner={"interactions": interactions})


def cell_of(rules: ColumnSettings) -> st.SearchStrategy[str]:
    """A cell of a column, mostly one that passes, often one that the config names."""
    drawn = cells[rules.kind or rules.role]
    lists = [rules.values, rules.rare_values, rules.missing_values]
    if rules.kind == "boolean":
        lists += [rules.true_values, rules.false_values] * 2
    limits = [repr(limit) for limit in (*rules.edges, rules.min, rules.max) if limit is not None]
    named = [spelling for spellings in [*lists, limits] for spelling in spellings]
    if not named:
        return drawn
    often = drawn if rules.kind == "numeric" else st.sampled_from(named)
    return st.one_of(drawn, st.sampled_from(named), often)


def rows_of(built: Schema) -> st.SearchStrategy[list[str]]:
    """A row of as many cells as the schema has columns, mostly right, seldom refused."""
    return st.tuples(*[cell_of(c.settings) for c in built.columns]).map(list)
