"""Columns of a sample before the judge that ``freshet check`` has too.

Part of :mod:`converters.init.column_guess`. What init takes for a feature, check does not call a
leak, unless rows outside the sample tell it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.init.column_decision import Guess
from converters.sampling.column_sample import ColumnSample, coded
from converters.sampling.leak_suspects import BY, Alone, Judge, suspicious
from converters.sampling.reservoir import NEGATIVE, POSITIVE, UNLABELLED, Sampled

_CODES = {1: POSITIVE, 0: NEGATIVE, None: UNLABELLED}


def judge_of(labels: Sequence[int | None], columns: int) -> Judge:
    """The judge of a sample with these labels, for the best of so many columns."""
    rows = len(labels)
    sampled = Sampled(
        ordinals=np.arange(rows),
        labels=np.array([_CODES[label] for label in labels], np.int8),
        lots=np.random.PCG64(0).random_raw(rows),  # the same file must be judged alike
        second=np.arange(rows) * 2 >= rows,
        whole=False,
    )
    return Judge(sampled, columns)


def suspected(judge: Judge, column: ColumnSample, guess: Guess) -> str:
    """Why a column is a suspect, in words; empty if it is none."""
    absent = column.missing | {*guess.as_missing}
    if guess.kind == "numeric":  # its other odd cells refuse their rows
        absent |= {*column.odd}
    missing = np.array([cell in absent for cell in column.cells], np.bool_)
    codes, values = np.zeros(len(missing), np.int64), None
    if guess.kind == "numeric":
        numbers = {**column.values, **dict.fromkeys(absent, np.nan)}
        values = np.array([numbers[cell] for cell in column.cells], np.float64)
    elif guess.kind in ("categorical", "boolean"):
        codes = coded(column.cells)
    alone = judge.alone(codes, missing, values)
    return _said(alone) if alone is not None and suspicious(alone) else ""


def _said(alone: Alone) -> str:
    return (
        f"alone tells the classes apart {BY[alone.by]} (AUC {alone.auc:.2f}; columns of chance "
        f"stay under {alone.control:.2f})"
    )
