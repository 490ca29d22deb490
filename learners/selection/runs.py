"""Proposals, learned and scored over the rows of a sample while there is time."""

from __future__ import annotations

import math
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from converters.config import load
from converters.errors import UsageError
from converters.init.column_decision import Decision
from converters.init.config_text import Proposal, config_text
from converters.init.interactions import Crossing, most_telling
from converters.init.schema_inference import Inference
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample
from converters.schema.schema import from_settings
from learners.choose import check_weights, spec_for
from learners.selection.choice import Tried, measured
from learners.selection.configurations import MOST_CROSSED, Way, proposal
from learners.selection.first_rows import Stretch
from learners.selection.progressive import scored


@dataclass(frozen=True)
class Runs:
    """Runs over the same rows.

    Attributes:
        sample: of the file.
        inference: what was inferred of it.
        path: where the config will be.
        crossings: the pairs of features that help for sure, or may.
        stretch: the rows.
        seconds: no run goes on after so many, but for the first.
    """

    sample: Sample
    inference: Inference
    path: Path
    crossings: Sequence[Crossing]
    stretch: Stretch
    seconds: float
    _began: float = field(default_factory=time.monotonic)
    _done: list[str] = field(default_factory=list)

    @cached_property
    def columns(self) -> dict[str, ColumnSample]:
        """The sample's, by name."""
        sample = self.sample
        return {n: ColumnSample(n, cells, sample.lines) for n, cells in sample.columns.items()}

    @property
    def has_time(self) -> bool:
        """Whether another run may begin, or go on."""
        return time.monotonic() - self._began < self.seconds

    def proposal(self, way: Way, decisions: Sequence[Decision]) -> Proposal:
        """What a way makes of the columns."""
        return proposal(way, decisions, self.columns, self.crossings, self._telling)

    def _telling(self) -> Sequence[str]:
        return most_telling(self.inference, self.sample, MOST_CROSSED)

    def run(self, way: Way, decisions: Sequence[Decision]) -> Tried | None:
        """What a way comes to.

        Returns:
            None if its learner does not take what the rows weigh, or the time is over before it is
            through; the first one has all the time it needs.
        """
        option = self.proposal(way, decisions)
        text = config_text("trial", self.sample, self.inference.labels, option)
        settings = load.from_values(tomllib.loads(text), self.path)
        schema = from_settings(settings)
        spec = spec_for(settings.learner, schema.interactions)
        try:
            check_weights(settings.imbalance, schema, spec)
        except UsageError:
            return None
        rows = self.stretch
        until = self._began + self.seconds if self._done else math.inf
        found = scored(schema, spec, rows.cells, rows.labelled, until)
        if found is None:
            return None
        self._done.append(way.name)
        return measured(way, found, rows.positive)
