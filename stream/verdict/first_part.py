"""What ``init`` proposes for the first part of the rows, and the plain configs beside it."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from converters.config import load
from converters.config.settings import CsvSettings, Settings
from converters.files.csv_file import open_csv
from converters.init.config_text import Proposal, config_text
from converters.init.declared import Declared
from converters.init.schema_inference import Inference
from converters.init.trial import Origin, written
from converters.sampling.file_sample import Sample, read_sample
from converters.schema.schema import Schema, from_settings
from learners.choose import spec_for
from learners.learner import LearnerSpec
from learners.selection.proposed import Selection
from stream.verdict.columns import Columns

MODEL = "try"
SAMPLE_ROWS = 10_000
# A block of rows that is written at once.
BLOCK_ROWS = 4_096


@dataclass(frozen=True)
class Config:
    """How rows are learned.

    Attributes:
        text: of the config file.
        settings: what it says.
        schema: of the rows.
        spec: what the learner computes.
    """

    text: str
    settings: Settings
    schema: Schema
    spec: LearnerSpec

    @classmethod
    def of(cls, text: str, path: Path) -> Config:
        """From a file's text."""
        settings = load.from_values(tomllib.loads(text), path)
        schema = from_settings(settings)
        return cls(text, settings, schema, spec_for(settings.learner, schema.interactions))


@dataclass(frozen=True)
class Proposed:
    """The configs that follow from the first part.

    Attributes:
        init: what init would write.
        plain: Vowpal Wabbit on the columns as they are.
        river: river's logistic regression on the same.
        warnings: what init says of the rows.
    """

    init: Config
    plain: Config
    river: Config
    warnings: tuple[str, ...]


class FirstPart:
    """The first rows as a file that init is shown.

    Args:
        columns: the rows.
        source: how messages call the file that they are from.
        declared: what the options say of its columns.
        folder: where to write.
    """

    def __init__(self, columns: Columns, source: str, declared: Declared, folder: Path) -> None:
        self._declared, self._path = declared, folder / "freshet.toml"
        file = folder / "first.csv"
        with file.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened, lineterminator="\n")
            writer.writerow(columns.by_name)
            for _, rows in columns.blocks(BLOCK_ROWS):
                writer.writerows(rows)
        opening = partial(open_csv, str(file), CsvSettings())
        with opening() as first:
            sample = replace(read_sample(first, SAMPLE_ROWS), source=f"the first rows of {source}")
        self._origin = Origin(sample, opening)

    def proposed(self, seconds: float) -> Proposed:
        """What init writes.

        Args:
            seconds: for how long it tries ways to learn.

        Raises:
            InferError: what the options declare does not fit the rows.
        """
        late = self._declared.label_time
        selection = Selection(self._origin, self._path, seconds=seconds, label_time=late)
        seen: list[tuple[Sample, Inference]] = []

        def propose(sample: Sample, inference: Inference) -> Proposal:
            seen.append((sample, inference))
            return selection.propose(sample, inference)

        found = written(self._origin, self._declared, MODEL, self._path, propose)
        self._seen = seen[-1]
        return Proposed(
            Config.of(found.text, self._path),
            self._plainly({}),
            self._plainly({"kind": "river"}),
            found.warnings,
        )

    def _plainly(self, learner: Mapping[str, Any]) -> Config:
        sample, inference = self._seen
        option = Proposal(inference.decisions, learner)
        return Config.of(config_text(MODEL, sample, inference.labels, option), self._path)
