"""Proposals, learned and scored over the rows of a sample while there is time."""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from converters.config import load
from converters.errors import UsageError
from converters.init.config_text import Proposal, config_text
from converters.init.schema_inference import Inference
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample
from converters.schema.schema import from_settings
from learners.choose import check_weights, spec_for
from learners.selection.choice import Tried, measured
from learners.selection.configurations import Way
from learners.selection.first_rows import Stretch
from learners.selection.progressive import scored


@dataclass(frozen=True)
class Runs:
    """Runs over the same rows.

    Attributes:
        sample: of the file.
        inference: what was inferred of it.
        path: where the config will be.
        stretch: the rows.
        seconds: no run is begun after so many, but for the first.
    """

    sample: Sample
    inference: Inference
    path: Path
    stretch: Stretch
    seconds: float
    _began: float = field(default_factory=time.monotonic)

    @cached_property
    def columns(self) -> dict[str, ColumnSample]:
        """The sample's, by name."""
        sample = self.sample
        return {n: ColumnSample(n, cells, sample.lines) for n, cells in sample.columns.items()}

    @property
    def has_time(self) -> bool:
        """Whether another run may begin."""
        return time.monotonic() - self._began < self.seconds

    def run(self, way: Way, proposal: Proposal) -> Tried | None:
        """What a proposal comes to; None if its learner does not take what the rows weigh."""
        text = config_text("trial", self.sample, self.inference.labels, proposal)
        settings = load.from_values(tomllib.loads(text), self.path)
        schema = from_settings(settings)
        spec = spec_for(settings.learner, schema.interactions)
        try:
            check_weights(settings.imbalance, schema, spec)
        except UsageError:
            return None
        rows = self.stretch
        return measured(way, scored(schema, spec, rows.cells, rows.labelled), rows.positive)
