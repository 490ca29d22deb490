"""What each kind of shadow costs and gives: rows a second, the size of its file, AUC and log loss.

python -m benchmarks.shadow_costs [STREAM [ROWS]] learns the first rows of a stream of
:mod:`benchmarks.streams.catalogue`, converted by the ways of ``freshet init``, each row scored
before it is learned, and prints a table. Rows a second are of the learner's processor time alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.init_ways import Rows, Shown, read_rows
from benchmarks.streams.catalogue import STREAMS, csv_file
from converters.cells.refusal import Refusal
from converters.config import load
from converters.config.learning_settings import ForestSettings, RiverSettings
from converters.convert.row_block import LABELLED, MOST_IN_BLOCK
from converters.convert.to_vw_text import compile_schema
from converters.schema.schema import Schema, from_settings
from learners import choose
from learners.learner import LearnerSpec
from learners.metrics.metrics import exact_areas, log_losses
from learners.river.arguments import forest_spec, river_spec

WAYS = ("raw-coin", "bins", "pairs-coin")
# Trees cross by themselves: what "pairs" adds is not for them.
FOR_TREES = ("raw-coin", "bins")


def specs(way: str, schema: Schema, vw: LearnerSpec) -> Iterator[tuple[str, LearnerSpec]]:
    """The learners that a way's text is given to."""
    yield "Vowpal Wabbit", vw
    yield (
        "river LR",
        river_spec(RiverSettings(), schema.interactions, every=way.startswith("pairs")),
    )
    if way in FOR_TREES:
        yield "river ARF", forest_spec(ForestSettings(model="arf"))
        yield "river AMF", forest_spec(ForestSettings(model="amf"))


def line_of(spec: LearnerSpec, lines: list[str], folder: Path) -> str:
    """Learn the lines; the cells of the table's line."""
    positive = np.array([line.startswith("1") for line in lines])
    learner = choose.create(spec)
    began = time.process_time()
    scores = np.array(learner.step(lines))
    seconds = time.process_time() - began
    learner.save(folder / "model")
    learner.close()
    size = (folder / "model").stat().st_size / 1e6
    area, _ = exact_areas(scores, positive)
    loss = log_losses(scores, positive).mean()
    return f"{len(lines) / seconds:,.0f} | {size:.2f} | {area:.3f} | {loss:.3f}"


def labelled(schema: Schema, rows: Rows) -> list[str]:
    """The rows as lines to learn."""
    conversion, cells = compile_schema(schema), rows.cells
    parts = [cells[at : at + MOST_IN_BLOCK] for at in range(0, len(cells), MOST_IN_BLOCK)]
    every = (row for part in parts for row in conversion.rows(part))
    taken = [row for row in every if not isinstance(row, Refusal)]
    return [LABELLED[label] + text for _, label, text in taken if label is not None]


def main(name: str = "flights-ua", most: str = "20000") -> None:
    """Measure a stream's first rows."""
    stream = next(each for each in STREAMS if each.name == name)
    rows = read_rows(stream, csv_file(stream))
    rows = replace(rows, cells=rows.cells[: int(most)], positive=rows.positive[: int(most)])
    print("| converted by | learner | rows/s | MB | AUC | log loss |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for way, text in Shown(stream, rows, Path(folder)).by_way().items():
            if way not in WAYS:
                continue
            settings = load.from_values(tomllib.loads(text), Path(folder) / "freshet.toml")
            schema = from_settings(settings)
            lines = labelled(schema, rows)
            vw = choose.spec_for(settings.learner, schema.interactions)
            for learner, spec in specs(way, schema, vw):
                cells = line_of(spec, lines, Path(folder))
                print(f"| `{way}` | {learner} | {cells} |", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
