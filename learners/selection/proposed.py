"""The config that is proposed, because its way to learn did best on the sample's own rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

from converters.init.config_text import Proposal, config_text
from converters.init.interactions import Crossing, crossings, most_telling
from converters.init.schema_inference import Inference
from converters.init.trial import Origin, loaded
from converters.sampling.file_sample import Sample
from learners.selection.choice import Profile, Tried, chosen, table
from learners.selection.column_trials import prices, quantities
from learners.selection.configurations import MOST_CROSSED, WAYS, Way, proposal
from learners.selection.first_rows import FEWEST_OF_A_CLASS, FEWEST_ROWS, stretch
from learners.selection.runs import Runs

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
        origin: where samples are drawn.
        path: where the config will be.
        profile: what decides between ways that are nearly as good.
        seconds: no other way is begun after so many; 0 tries none.
        label_time: the column that says when the label was known, if any.
    """

    origin: Origin
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
        schema = loaded(config_text("trial", sample, inference.labels, as_inferred), self.path)
        rows = stretch(self.origin, sample, schema, self.label_time)
        if not rows.is_enough:
            return replace(as_inferred, measured=TOO_FEW)
        runs = Runs(sample, inference, self.path, rows, self.seconds)
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
        lines = table(tried, taken, self.profile, runs.stretch)
        best, result = quantities(runs, options[taken.way], taken)
        priced = list(prices(runs, best, result))
        said = [line for each in priced for line in wrap(f"{each[0].upper()}{each[1:]}.", WIDTH)]
        return replace(best, measured=["", *lines, *said], warnings=[f"{each}." for each in priced])
