"""Cells as the text that a CSV file holds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pandas as pd

# Later digits are rounding of one machine's libraries, and would make the bytes differ.
DIGITS = 5


def text_of(cell: object) -> str:
    """One cell: nothing where the value is missing, no ``.0`` behind whole numbers.

    Fractions are written as short as they can be read back.
    """
    if cell is None or cell != cell:  # noqa: PLR0124 - only NaN differs from itself
        return ""
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else repr(float(cell))
    return str(cell)


def as_text(table: pd.DataFrame) -> pd.DataFrame:
    """The same rows and columns with all cells as text, numbered from 0."""
    return pd.DataFrame(
        {str(name): [text_of(cell) for cell in table[name].tolist()] for name in table.columns},
        dtype=str,
    )


def read_text(source: Path | bytes) -> pd.DataFrame:
    """A CSV file, or one's bytes, with its cells as they stand there.

    Compression is told by the file's name.
    """
    content = BytesIO(source) if isinstance(source, bytes) else source
    return pd.read_csv(content, dtype=str, keep_default_na=False, skipinitialspace=True)


def shuffled(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows in an order that only the seed decides."""
    return table.sample(frac=1, random_state=seed).reset_index(drop=True)
