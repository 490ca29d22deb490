"""The example's loans, learned and ready to be explained: a small model with words for reasons."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from converters.config import load
from converters.config.settings import Settings
from converters.convert.to_vw_text import unlabelled
from converters.schema import schema as schemas
from converters.schema.schema import Schema
from learners import choose
from learners.explain.answers import Row
from learners.learner import Learner
from tests.support import ROOT
from tests.support.rows.schemas import accepted

LOANS = ROOT / "docs/example/loans.csv"
NUMBER = {"kind": "numeric", "features": ["scale", "bins"]}
CONFIG: dict[str, Any] = {
    "model": "loans",
    "label": {"positive": ["yes"], "negative": ["no"]},
    "columns": {
        "loan": {"role": "id"},
        "applied": {"role": "time"},
        "amount": {
            **NUMBER,
            "min": 0,
            "max": 50_000,
            "center": 10_000,
            "scale": 7_000,
            "edges": [3_000, 8_000, 15_000, 25_000],
        },
        "term": {"kind": "categorical", "values": ["24", "36", "60"]},
        "purpose": {"kind": "categorical"},
        "grade": {"kind": "categorical", "values": ["A", "B", "C", "D", "E"]},
        "income": {
            **NUMBER,
            "min": 0,
            "max": 200_000,
            "center": 45_000,
            "scale": 20_000,
            "edges": [25_000, 40_000, 60_000],
        },
        "settled": {"role": "protected"},
        "defaulted": {"role": "label"},
    },
    "learner": {"interactions": "pairs"},
    "explain": {
        "adverse": "positive",
        "words": {
            "income": {"low": "income is low for the amount asked"},
            "amount": {"high": "the amount asked is high ({value})"},
            "grade": {"other": "the credit grade is {value}"},
            "term": {"other": "the term of {value} months"},
        },
    },
}


def settings_with(**explain: object) -> Settings:
    """The config with other keys in its section ``explain``."""
    return load.from_values(
        {**CONFIG, "explain": {**CONFIG["explain"], **explain}}, Path("freshet.toml")
    )


def loan_rows(schema: Schema) -> list[Row]:
    """All loans, with their lines."""
    with LOANS.open(newline="") as file:
        found = list(csv.DictReader(file))
    return [Row(each, accepted(schema, [each[name] for name in schema.names])[2]) for each in found]


@contextmanager
def taught_loans() -> Iterator[tuple[Settings, Schema, Learner, list[Row]]]:
    """The model of all loans, its config, and the loans."""
    settings = settings_with()
    schema = schemas.from_settings(settings)
    rows = loan_rows(schema)
    learner = choose.create(choose.spec_for(settings.learner, schema.interactions))
    heads = {"yes": "1 ", "no": "-1 "}
    learner.step([heads[row.cells["defaulted"]] + unlabelled(row.line) for row in rows])
    try:
        yield settings, schema, learner, rows
    finally:
        learner.close()
