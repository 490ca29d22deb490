"""LightGBM as a batch model would be run beside the stream: trained once, or anew each month.

A model is trained on rows whose label was known at that moment, with LightGBM's own defaults, and
on so many trees as its newest tenth of them asks for.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from converters.cells.numbers import number
from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.config.column_settings import ColumnSettings
from converters.schema.schema import DEFAULT_PARTS, Schema
from learners.metrics.arrays import FloatArray
from stream.verdict.columns import CodedColumn
from stream.verdict.footing import Footing

Integers = NDArray[np.int64]
SETTINGS: dict[str, object] = {
    "objective": "binary",
    "deterministic": True,
    "num_threads": 1,
    "seed": 1,
    "verbose": -1,
}
MOST_TREES, PATIENCE, NEWEST = 500, 20, 0.1
FEWEST_TRAINED = 200
# LightGBM's own bound on what a category may be.
MOST_CATEGORIES = 100_000


@dataclass(frozen=True)
class Boosted:
    """What LightGBM came to.

    Attributes:
        scores: of the rows behind the first part; nan where there was no model.
        seconds: of processor time, to train and to score.
    """

    scores: FloatArray
    seconds: float

    @property
    def has_model(self) -> bool:
        """Whether labels enough were known for a model, once at least."""
        return not bool(np.isnan(self.scores).all())


def is_installed() -> bool:
    """Whether LightGBM can be imported; its system library may be missing too."""
    try:
        importlib.import_module("lightgbm")
    except (ImportError, OSError):
        return False
    return True


class Boosting:
    """Trains on the columns that a schema learns from."""

    def __init__(self, footing: Footing, schema: Schema) -> None:
        self._footing = footing
        features = dict(_features(footing, schema))
        self._table = np.column_stack([values for values, _ in features.values()])
        self._categories = [at for at, (_, named) in enumerate(features.values()) if named]

    def once(self) -> Boosted:
        """Of a model that is trained when the first part is over."""
        return self._trained_at([self._footing.first])

    def monthly(self) -> Boosted:
        """Of one that is trained anew when each month begins, or ten times if there are none."""
        return self._trained_at(self._footing.renewals)

    def _trained_at(self, rows: Sequence[int]) -> Boosted:
        began = time.process_time()
        scores = np.full(len(self._footing), np.nan)
        model = None
        for begin, end in zip(rows, [*rows[1:], len(scores)], strict=True):
            known = np.flatnonzero(self._footing.known_at(begin))
            if (found := self._train(known)) is not None:
                model = found
            if model is not None:
                scores[begin:end] = model.predict(self._table[begin:end])
        return Boosted(scores, time.process_time() - began)

    def _train(self, rows: Integers) -> Any:  # noqa: ANN401  # LightGBM is imported late
        """A model of these rows; None where they are too few, or of one class."""
        lightgbm = importlib.import_module("lightgbm")
        positive = self._footing.positive[rows]
        if len(rows) < FEWEST_TRAINED or not 0 < positive.sum() < len(rows):
            return None
        cut = int(len(rows) * (1 - NEWEST))
        options = {"categorical_feature": self._categories, "free_raw_data": False}
        older = lightgbm.Dataset(self._table[rows[:cut]], positive[:cut], **options)
        newest = older.create_valid(self._table[rows[cut:]], positive[cut:])
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        tried = lightgbm.train(SETTINGS, older, MOST_TREES, [newest], callbacks=[stop])
        every = lightgbm.Dataset(self._table[rows], positive, **options)
        return lightgbm.train(SETTINGS, every, max(1, tried.best_iteration))


def _features(footing: Footing, schema: Schema) -> Iterator[tuple[str, tuple[FloatArray, bool]]]:
    """Each feature's name, its values by row, and whether they are categories' numbers."""
    for name, settings in schema.columns:
        column = footing.columns.by_name[name]
        if settings.role == "time" or settings.kind == "time":
            yield from _parts(name, column, settings)
        elif settings.role == "feature" and settings.kind == "numeric":
            yield name, (_numbers(column, settings)[column.codes], False)
        elif _is_category(column, settings):
            yield name, (column.codes.astype(np.float64), True)


def _is_category(column: CodedColumn, settings: ColumnSettings) -> bool:
    few = len(column.values) <= MOST_CATEGORIES
    return settings.role == "feature" and settings.kind != "text" and few


def _numbers(column: CodedColumn, settings: ColumnSettings) -> FloatArray:
    missing = {"", *(settings.missing_values or ())}
    return np.array([np.nan if c in missing else _number(c) for c in column.values], np.float64)


def _number(cell: str) -> float:
    try:
        return number(cell)
    except RefusedCellError:
        return np.nan


def _parts(
    name: str, column: CodedColumn, settings: ColumnSettings
) -> Iterator[tuple[str, tuple[FloatArray, bool]]]:
    """The recurring parts of a time, as numbers."""
    of_feature = DEFAULT_PARTS if settings.role != "time" else ()
    parts = of_feature if settings.parts is None else settings.parts
    if not parts:
        return
    reading, zone = TimeReading.of(settings), ZoneInfo(settings.zone)
    found = np.array([_at(cell, reading, zone, parts) for cell in column.values], np.float64)
    for place, part in enumerate(parts):
        yield f"{name}.{part}", (found[:, place][column.codes], False)


def _at(cell: str, reading: TimeReading, zone: ZoneInfo, parts: Sequence[str]) -> list[float]:
    try:
        moment = reading.moment(cell).astimezone(zone)
    except RefusedCellError:
        return [np.nan] * len(parts)
    return [moment.weekday() if part == "weekday" else getattr(moment, part) for part in parts]
