"""CSV files for tests of inference, made of a function per column, and what is inferred of them."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from typing import Any

from converters.files.csv_file import CsvFile
from converters.files.framing import csv_line
from converters.init.column_decision import Decision
from converters.init.declared import Declared
from converters.init.schema_inference import Inference, infer
from converters.sampling.file_sample import Sample, read_sample

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
    return infer(
        sampled(table(columns, rows)), Declared(**{"label": "y", "positive": ("1",), **told})
    )


def by_chance(i: int) -> str:
    """A label that no column can tell."""
    return "1" if NOISE[-1 - i] < 0.35 else "0"


def decided(make: Cell, rows: int = ROWS, name: str = "a", **told: Any) -> Decision:
    """What is decided of one column; ``y`` is by chance, and ``z``, a number, stands beside it."""
    columns: dict[str, Cell] = {"y": by_chance, name: make, "z": lambda i: i / 7}
    return next(d for d in inferred(columns, rows, **told).decisions if d.name == name)


def column(make: Cell, rows: int = ROWS, name: str = "a", **told: Any) -> dict[str, Any]:
    """The settings of that decision."""
    return dict(decided(make, rows, name, **told).settings)


def warnings(make: Cell, **told: Any) -> str:
    """All that is said to look at, with one column (``a``) like this."""
    return "\n".join(inferred({"a": make, "z": lambda i: i / 7}, **told).warnings)
