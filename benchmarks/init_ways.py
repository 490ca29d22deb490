"""What ``freshet init`` makes of the first rows of a stream, and what it might have made of them.

It sees the first rows only; what it writes is then scored and learned over the whole stream, one
row after the other.
"""

from __future__ import annotations

import csv
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.streams.catalogue import Stream
from converters.config import load
from converters.files.csv_file import open_csv
from converters.init.config_text import Proposal, config_text
from converters.init.declared import Declared
from converters.init.interactions import crossings
from converters.init.schema_inference import Inference, infer
from converters.init.trial import Origin, written
from converters.sampling.file_sample import Sample, csv_settings, read_sample
from converters.schema.schema import Schema, from_settings
from learners.choose import spec_for
from learners.selection.column_trials import quantities
from learners.selection.configurations import WAYS
from learners.selection.first_rows import stretch
from learners.selection.progressive import Scored, scored
from learners.selection.proposed import Selection
from learners.selection.runs import Runs

Bools = npt.NDArray[np.bool_]

# So many rows are shown to init, and no more than half of a stream.
MOST_SHOWN = 5_000
# No bound in time: on a busy machine init must propose what it would on a quiet one.
SECONDS = 1e6
MODEL = "quality"


@dataclass(frozen=True)
class Rows:
    """The rows of a stream.

    Attributes:
        names: of the columns.
        cells: of each row.
        positive: the class of each row.
        shown: how many of the first rows are shown to init; those after them are measured.
    """

    names: list[str]
    cells: list[list[str]]
    positive: Bools
    shown: int


def read_rows(stream: Stream, file: Path, most: int = MOST_SHOWN) -> Rows:
    """The rows of a stream's CSV file."""
    with file.open(newline="", encoding="utf-8") as opened:
        names, *cells = csv.reader(opened)
    at = names.index(stream.label)
    positive = np.array([row[at] in stream.positive for row in cells], np.bool_)
    return Rows(names, cells, positive, min(most, len(cells) // 2))


class Shown:
    """The first rows of a stream as a file, and the configs that follow from them."""

    def __init__(self, stream: Stream, rows: Rows, folder: Path) -> None:
        self._path = folder / "freshet.toml"
        self._rows = rows
        self._declared = Declared(
            label=stream.label, positive=stream.positive, time_column=stream.time
        )
        self._file = folder / "first.csv"
        with self._file.open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened, lineterminator="\n").writerows(
                [rows.names, *rows.cells[: rows.shown]]
            )

    @cached_property
    def _sample(self) -> Sample:
        return self._origin.sample

    @cached_property
    def _origin(self) -> Origin:
        opening = partial(open_csv, str(self._file), csv_settings(None, "utf-8"), guess=True)
        with opening() as file:
            return Origin(read_sample(file, MOST_SHOWN), opening)

    @cached_property
    def _inference(self) -> Inference:
        return infer(self._sample, self._declared)

    def now(self) -> tuple[str, str, float]:
        """The config that init writes, the way that it takes, and seconds of processor time."""
        began = time.process_time()
        selection = Selection(self._origin, self._path, seconds=SECONDS)
        text = written(self._origin, self._declared, MODEL, self._path, selection.propose).text
        spent = time.process_time() - began
        marked = [line[4:].split()[0] for line in text.splitlines() if line.startswith("# > ")]
        return text, marked[0] if marked else "none", spent

    def before(self) -> str:
        """The config that init wrote before ways were tried: suspects are set aside as leaks."""
        decisions = [
            replace(each, settings={"role": "leak"}) if each.is_suspect else each
            for each in self._inference.decisions
        ]
        return self._text(Proposal(decisions, crossings=crossings(self._inference, self._sample)))

    def by_way(self) -> dict[str, str]:
        """The config that init would have written if it had taken each of the ways, by its name."""
        sample, inference = self._sample, self._inference
        found = crossings(inference, sample)
        schema = schema_of(self._text(Proposal(inference.decisions, crossings=found)))
        rows = stretch(self._origin, sample, schema, None)
        runs = Runs(sample, inference, self._path, found, rows, SECONDS)
        texts = {}
        for way in WAYS:
            if (tried := runs.run(way, inference.decisions)) is not None:
                decisions, _ = quantities(runs, inference.decisions, tried)
                texts[way.name] = self._text(runs.proposal(way, decisions))
        return texts

    def _text(self, option: Proposal) -> str:
        return config_text(MODEL, self._sample, self._inference.labels, option)

    def learned(self, text: str) -> Scored:
        """The scores of the whole stream under a config, each from before its row was learned."""
        settings = load.from_values(tomllib.loads(text), self._path)
        schema = from_settings(settings)
        rows: Sequence[Sequence[str]] = self._rows.cells
        found = scored(schema, spec_for(settings.learner, schema.interactions), rows)
        assert found is not None, "it has all the time it needs"
        return found


def schema_of(text: str) -> Schema:
    """What a config says of the columns."""
    return from_settings(load.from_values(tomllib.loads(text), Path("freshet.toml")))
