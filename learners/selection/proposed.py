"""The config that is proposed, because its way to learn did best on the sample's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

import numpy as np

from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.config.toml_text import quoted
from converters.init.config_text import Proposal
from converters.init.declared import InferError
from converters.init.interactions import Crossing, crossings, most_telling
from converters.init.schema_inference import Inference
from converters.sampling.column_sample import ColumnSample
from converters.sampling.file_sample import Sample
from learners.selection.choice import Profile, Tried, chosen, table
from learners.selection.column_trials import prices, quantities
from learners.selection.configurations import MOST_CROSSED, WAYS, Way, proposal
from learners.selection.runs import Runs

# Rows on which ways are tried; fewer than the second, or so few of a class, tell nothing.
MOST_ROWS = 10_000
FEWEST_ROWS = 500
FEWEST_OF_A_CLASS = 50
# Of lines that a comment holds.
WIDTH = 98
TOO_FEW = (
    "",
    f"No other way to learn was tried: that takes {FEWEST_ROWS} rows with a label, and",
    f"{FEWEST_OF_A_CLASS} of each class.",
)


@dataclass(frozen=True)
class Selection:
    """How the columns of a sample are best learned.

    Attributes:
        path: where the config will be.
        profile: what decides between ways that are nearly as good.
        seconds: no other way is begun after so many; 0 tries none.
        label_time: the column that says when the label was known, if any.
    """

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
        labelled = self._label_rows(sample, inference, rows)
        runs = Runs(sample, inference, self.path, rows, labelled, self.seconds)
        rarer = min(runs.positive.sum(), (~runs.positive).sum())
        if len(rows) < FEWEST_ROWS or rarer < FEWEST_OF_A_CLASS:
            return replace(as_inferred, measured=TOO_FEW)
        return self._best(runs, found) or as_inferred

    def _best(self, runs: Runs, found: Sequence[Crossing]) -> Proposal | None:
        """The best proposal, with what was tried; None if nothing could be."""
        inference = runs.inference
        telling = most_telling(inference, runs.sample, MOST_CROSSED)
        options: dict[Way, Proposal] = {}
        tried: list[Tried] = []
        for way in WAYS:
            if tried and not runs.has_time:
                break
            options[way] = proposal(way, inference.decisions, runs.columns, found, telling)
            if (result := runs.run(way, options[way])) is not None:
                tried.append(result)
        if not tried:
            return None
        taken = chosen(tried, self.profile)
        lines = table(tried, taken, self.profile, len(runs.rows))
        best, result = quantities(runs, options[taken.way], taken)
        priced = list(prices(runs, best, result))
        said = [line for each in priced for line in wrap(f"{each[0].upper()}{each[1:]}.", WIDTH)]
        return replace(best, measured=["", *lines, *said], warnings=[f"{each}." for each in priced])

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
