"""The config that is proposed, because its way to learn did best on the sample's own rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

from converters.init.config_text import Proposal, config_text
from converters.init.interactions import crossings
from converters.init.schema_inference import Inference
from converters.init.trial import Origin, loaded
from converters.sampling.file_sample import Sample
from learners.selection.choice import Profile, Tried, chosen, table
from learners.selection.column_trials import prices, quantities
from learners.selection.configurations import WAYS
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
        runs = Runs(sample, inference, self.path, found, rows, self.seconds)
        return self._best(runs) or as_inferred

    def _best(self, runs: Runs) -> Proposal | None:
        """The best proposal, with what was tried; None if nothing could be."""
        decisions = runs.inference.decisions
        tried: list[Tried] = []
        left: list[str] = []
        for way in WAYS:
            if (not tried or runs.has_time) and (result := runs.run(way, decisions)) is not None:
                tried.append(result)
            elif runs.has_time:
                left.append(f"{way.name} (--coin takes no row that weighs more than 1)")
            else:
                left.append(f"{way.name} (the time for trials was over)")
        if not tried:
            return None
        taken = chosen(tried, self.profile)
        lines = table(tried, taken, self.profile, runs.stretch)
        best, result = quantities(runs, decisions, taken)
        priced = list(prices(runs, best, result))
        said = [f"Not tried: {', '.join(left)}."] * bool(left)
        said += [f"{each[0].upper()}{each[1:]}." for each in priced]
        lines += [part for each in said for part in wrap(each, WIDTH)]
        return replace(
            runs.proposal(taken.way, best),
            measured=["", *lines],
            warnings=[f"{each}." for each in priced],
        )
