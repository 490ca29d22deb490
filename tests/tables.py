"""CSV files for tests of inference, made of a function per column, and what is inferred of them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

from converters.csv_file import CsvFile
from converters.csv_text import csv_line
from converters.infer import Inference, Told, infer
from converters.sample import Sample, read_sample

dice = random.Random(3)
NOISE = [dice.random() for _ in range(2_000)]

ROWS = 400
Cell = Callable[[int], object]


def table(columns: dict[str, Cell], rows: int = ROWS) -> bytes:
    """A CSV file whose cells follow from the row's number; with a label ``y`` if none is given."""
    columns = {"y": lambda i: "0" if i % 3 else "1"} | columns
    lines = [csv_line(list(columns))]
    lines += [csv_line([make(i) for make in columns.values()]) for i in range(rows)]
    return "".join(line + "\n" for line in lines).encode()


def sampled(content: bytes, limit: int = 10_000) -> Sample:
    """The sample of a file called ``f.csv``."""
    return read_sample(CsvFile(io.BytesIO(content), "f.csv"), limit)


def inferred(columns: dict[str, Cell], rows: int = ROWS, **told: Any) -> Inference:
    """What is inferred of such a table."""
    return infer(sampled(table(columns, rows)), Told(**{"label": "y", "positive": ("1",), **told}))


def column(make: Cell, rows: int = ROWS, name: str = "a", **told: Any) -> dict[str, Any]:
    """The settings inferred for one column (``z``, a number, stands beside it)."""
    inference = inferred({name: make, "z": lambda i: i / 7}, rows, **told)
    return next(d.settings for d in inference.decisions if d.name == name)


def warnings(make: Cell, **told: Any) -> str:
    """All that is said to look at, with one column (``a``) like this."""
    return "\n".join(inferred({"a": make, "z": lambda i: i / 7}, **told).warnings)
