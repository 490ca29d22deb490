"""Learners that Freshet is compared with, on the columns that it learns from itself.

A column is a number or a category as in Freshet's config, and a time the same recurring parts. A
missing number is left out (LightGBM: not a number), a missing category a category of its own.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks import boosting
from benchmarks.init_ways import Rows
from converters.schema.schema import Schema

Floats = npt.NDArray[np.float64]

EVERY = 5_000
# The adaptive random forest learns so many rows, or is given up after so many seconds of
# processor time.
FOREST_ROWS = 10_000
FOREST_SECONDS = 60.0
SEED = 1
# LightGBM's own defaults, and what suits the flights (:mod:`benchmarks.boosting`). Two threads wait
# for each other wherever others use the machine.
ALONE: dict[str, object] = {"num_threads": 1}
DEFAULTS: dict[str, object] = {
    "objective": "binary",
    "deterministic": True,
    "seed": SEED,
    "verbose": -1,
}
DEFAULT_ROUNDS = 100


class Classifier(Protocol):
    """What river calls a classifier."""

    def predict_proba_one(self, x: dict[str, float | str]) -> dict[bool, float]:
        """The share of each class."""

    def learn_one(self, x: dict[str, float | str], y: bool) -> None:
        """Learn a row."""


class Table:
    """The columns that are learned, as numbers and categories."""

    def __init__(self, schema: Schema, rows: Rows) -> None:
        self.numbers: dict[str, list[float]] = {}
        self.categories: dict[str, list[str]] = {}
        for at, (name, settings) in enumerate(schema.columns):
            cells = [row[at] for row in rows.cells]
            if settings.role == "time" or settings.kind == "time":
                self._add_parts(name, cells, settings.parts or ())
            elif settings.role != "feature":
                continue
            elif settings.kind == "numeric":
                missing = {"", *(settings.missing_values or ())}
                self.numbers[name] = [math.nan if c in missing else _number(c) for c in cells]
            else:
                self.categories[name] = cells

    def _add_parts(self, name: str, cells: list[str], parts: tuple[str, ...]) -> None:
        if not parts:
            return
        column = pd.Series(cells)
        seconds = pd.to_numeric(column, errors="coerce")
        if seconds.notna().all():
            times = pd.to_datetime(seconds, unit="s", utc=True)
        else:
            times = pd.to_datetime(column, utc=True, format="mixed")
        for part in parts:
            values: pd.Series[int] = getattr(times.dt, part)
            self.categories[f"{name}.{part}"] = values.astype(str).tolist()

    def rows(self, most: int | None = None) -> Iterator[dict[str, float | str]]:
        """Each row as river takes it."""
        names = [*self.numbers, *self.categories]
        columns: list[Sequence[float | str]] = [*self.numbers.values(), *self.categories.values()]
        for cells in zip(*(column[:most] for column in columns), strict=True):
            row = zip(names, cells, strict=True)
            yield {name: cell for name, cell in row if not _is_nan(cell)}

    def frame(self) -> pd.DataFrame:
        """The rows as LightGBM takes them."""
        categories = {n: pd.Categorical(column) for n, column in self.categories.items()}
        return pd.DataFrame({**self.numbers, **categories})


def _is_nan(cell: float | str) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def logistic_regression(table: Table, rows: Rows) -> tuple[Floats, float]:
    """Scores of river's pipeline for mixed rows, as its documentation has it, and its seconds.

    Zeros of the encoder are left out; they change no weight.
    """
    from river import compose, linear_model, preprocessing

    numbers = compose.SelectType(float) | preprocessing.StandardScaler()
    others = compose.SelectType(str) | preprocessing.OneHotEncoder(drop_zeros=True)
    parts = [p for p, any_ in ((numbers, table.numbers), (others, table.categories)) if any_]
    features = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return _one_by_one(features | linear_model.LogisticRegression(), table, rows)


def forest(table: Table, rows: Rows) -> tuple[Floats, float] | None:
    """Scores of river's adaptive random forest for the first rows; None if that took too long."""
    from river.forest import ARFClassifier

    scores, spent = _one_by_one(ARFClassifier(seed=SEED), table, rows, FOREST_ROWS, FOREST_SECONDS)
    return None if np.isnan(scores).any() else (scores, spent)


def _one_by_one(
    model: Classifier, table: Table, rows: Rows, most: int | None = None, seconds: float = math.inf
) -> tuple[Floats, float]:
    """Scores from before each row was learned, nan behind the time that there was."""
    positive = rows.positive[:most].tolist()
    scores = np.full(len(positive), np.nan)
    began = time.process_time()
    for n, (row, is_positive) in enumerate(zip(table.rows(most), positive, strict=True)):
        scores[n] = model.predict_proba_one(row).get(True, 0.5 if n == 0 else 0.0)
        model.learn_one(row, is_positive)
        if time.process_time() - began > seconds:
            break
    return scores, time.process_time() - began


def retrained(settings: dict[str, object], rounds: int) -> Callable[[Table, Rows], Floats]:
    """LightGBM with these settings, trained anew every so many rows on all rows before."""

    def scores(table: Table, rows: Rows) -> Floats:
        import lightgbm

        frame, found = table.frame(), np.full(len(rows.cells), np.nan)
        for begin in range(rows.shown, len(frame), EVERY):
            data = lightgbm.Dataset(frame[:begin], rows.positive[:begin])
            model = lightgbm.train(settings | ALONE, data, rounds)
            found[begin : begin + EVERY] = model.predict(frame[begin : begin + EVERY])
        return found

    return scores


by_default = retrained(DEFAULTS, DEFAULT_ROUNDS)
as_on_flights = retrained(boosting.SETTINGS, boosting.ROUNDS)
