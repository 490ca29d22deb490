"""The config that is proposed, because its way to learn did best on the sample's own rows."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.config import load
from converters.config.settings import Settings
from converters.config.toml_text import quoted
from converters.errors import UsageError
from converters.init.config_text import Proposal, config_text
from converters.init.declared import InferError
from converters.init.interactions import crossings, most_telling
from converters.init.schema_inference import Inference
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample
from converters.schema.schema import from_settings
from learners.choose import check_weights, spec_for
from learners.selection.choice import Profile, Tried, chosen, measured, table
from learners.selection.configurations import MOST_CROSSED, WAYS, Way, proposal
from learners.selection.progressive import Scored, scored

# Rows on which ways are tried; fewer than the second, or so few of a class, tell nothing.
MOST_ROWS = 10_000
FEWEST_ROWS = 500
FEWEST_OF_A_CLASS = 50

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Selection:
    """How the columns of a sample are best learned.

    Attributes:
        model: the model's name.
        path: where the config will be.
        profile: what decides between ways that are nearly as good.
        seconds: no other way is begun after so many; 0 tries none.
        label_time: the column that says when the label was known, if any.
    """

    model: str
    path: Path
    profile: Profile = Profile.AUTO
    seconds: float = 20.0
    label_time: str | None = None

    def propose(self, sample: Sample, inference: Inference) -> Proposal:
        """The proposal of the way that did best.

        Raises:
            InferError: a cell of ``label_time`` is no time.
        """
        found = crossings(inference, sample)
        as_inferred = Proposal(inference.decisions, crossings=found)
        if not self.seconds:
            return as_inferred
        rows = _rows(inference)
        positive = np.array([inference.labels.codes[row] == 1 for row in rows], np.bool_)
        if min(positive.sum(), (~positive).sum()) < FEWEST_OF_A_CLASS or len(rows) < FEWEST_ROWS:
            said = (
                f"No other way to learn was tried: that takes {FEWEST_ROWS} rows with a label,",
                f"and {FEWEST_OF_A_CLASS} of each class.",
            )
            return replace(as_inferred, measured=("", *said))
        columns = {
            name: ColumnSample(name, cells, sample.lines) for name, cells in sample.columns.items()
        }
        telling = most_telling(inference, sample, MOST_CROSSED)
        options = {way: proposal(way, inference.decisions, columns, found, telling) for way in WAYS}
        tried = self._tried(sample, inference, options, rows, positive)
        if not tried:
            return as_inferred
        taken = chosen(tried, self.profile)
        lines = table(tried, taken, self.profile, len(rows))
        return replace(options[taken.way], measured=("", *lines))

    def _tried(
        self,
        sample: Sample,
        inference: Inference,
        options: dict[Way, Proposal],
        rows: Sequence[int],
        positive: Bools,
    ) -> list[Tried]:
        """What each way came to, as far as the time allows."""
        cells = list(zip(*sample.columns.values(), strict=True))
        of_rows = [cells[row] for row in rows]
        late = self._label_rows(sample, inference, rows)
        began, tried = time.monotonic(), list[Tried]()
        for way, option in options.items():
            if tried and time.monotonic() - began > self.seconds:
                break
            text = config_text(self.model, sample, inference.labels, option)
            settings = load.from_values(tomllib.loads(text), self.path)
            if (found := _scored(settings, of_rows, late)) is not None:
                tried.append(measured(way, found, positive))
        return tried

    def _label_rows(
        self, sample: Sample, inference: Inference, rows: Sequence[int]
    ) -> list[int] | None:
        """Before which row each row's label came; None if labels are not known to be late."""
        if self.label_time is None or not inference.happened:
            return None
        name, cells = self.label_time, sample.columns[self.label_time]
        reading = TimeReading(format=ColumnSample(name, cells, sample.lines).time_format)
        happened = [inference.happened[row] for row in rows]
        events = np.array([0.0 if at is None else at.timestamp() for at in happened])
        known = []
        for row in rows:
            try:
                known.append(reading.time_ms(cells[row]) / 1000 if cells[row] else np.inf)
            except RefusedCellError as refused:
                raise InferError(
                    f"--label-time names the column {quoted(name)}, which holds "
                    f"{quoted(cells[row])} in line {sample.lines[row]}: no time "
                    f"({refused.reason})."
                ) from None
        # Labels come before events of the same moment, and behind their own event.
        places = np.searchsorted(events, np.array(known), side="left")
        late: list[int] = np.maximum(places, np.arange(1, len(rows) + 1)).tolist()
        return late


def _rows(inference: Inference) -> list[int]:
    """The rows that have a label, in order of time; every so many of them if they are many."""
    known = [row for row in inference.order if inference.labels.codes[row] is not None]
    return known[:: -(-len(known) // MOST_ROWS) or 1]


def _scored(
    settings: Settings, rows: Sequence[Sequence[str]], late: Sequence[int] | None
) -> Scored | None:
    """The scores under a config; None if its learner does not take what such rows weigh."""
    schema = from_settings(settings)
    spec = spec_for(settings.learner, schema.interactions)
    try:
        check_weights(settings.imbalance, schema, spec)
    except UsageError:
        return None
    return scored(schema, spec, rows, late)
