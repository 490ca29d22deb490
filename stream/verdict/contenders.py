"""Who is tried, in the order of the table: the proposal first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from converters.config.learning_settings import PAIRS, ImbalanceSettings
from converters.show.command_line import say
from learners.metrics.arrays import FloatArray
from stream.verdict import judgement
from stream.verdict.boosted import Boosted, Boosting, is_installed
from stream.verdict.first_part import Config, Proposed
from stream.verdict.footing import Footing
from stream.verdict.online import Learned, learned
from stream.verdict.outcome import Contender

# Those that can be left aside; the others are what the verdict rests on.
MAY_BE_LEFT = (judgement.PLAIN, judgement.RIVER, *judgement.BATCH)
Progress = Callable[[str], AbstractContextManager[Callable[[int], None]]]
TOO_FEW = "since too few labels were known when it was to be trained"
NOT_INSTALLED = "which is not installed: pip install lightgbm"


@dataclass(frozen=True)
class Trial:
    """Scores the rows by all contenders.

    Attributes:
        footing: the rows.
        proposed: the configs that follow from the first part.
        progress: shows how far a contender is.
        left_aside: contenders that are not tried, and why; more may turn out to be none.
        config: the user's, if one is given.
        own: the user's scores, if some are given.
    """

    footing: Footing
    proposed: Proposed
    progress: Progress
    left_aside: dict[str, str]
    config: Config | None = None
    own: FloatArray | None = None

    def contenders(self) -> Iterator[Contender]:
        """Each with its scores."""
        yield from self._proposal()
        if self.config is not None:
            yield self._online(judgement.CONFIG, _as_tried(self.config), self.config)
        if self.own is not None:
            yield Contender(judgement.OWN, "as you gave them", self.own)
        if judgement.PLAIN not in self.left_aside:
            said = "Vowpal Wabbit as it comes, numbers as they are"
            yield self._online(judgement.PLAIN, said, self.proposed.plain)
        if judgement.RIVER not in self.left_aside:
            said = "its logistic regression, numbers standardised"
            yield self._online(judgement.RIVER, said, self.proposed.river)
        yield from self._boosted()
        base = self.footing.base_rate
        yield Contender(judgement.BASE_RATE, "the share of positives so far", base)

    def _proposal(self) -> Iterator[Contender]:
        """What init proposes, its copies, and how it would be if no label were late."""
        footing, config = self.footing, self.proposed.init
        found = self._learned(judgement.PROPOSAL, config, copied=True)
        said = f"what init proposes: {_how(config)}"
        yield Contender(judgement.PROPOSAL, said, found.scores, len(footing) / found.seconds)
        said = "the same, not learning behind the first part"
        yield Contender(judgement.FROZEN, said, found.frozen)
        said = f"such a copy, taken anew {footing.renewed_when}"
        yield Contender(judgement.RENEWED, said, found.renewed)
        if footing.is_late:
            early = self._learned(judgement.AT_ONCE, config, at_once=True)
            said = "the proposal, had each label been known before the next row"
            yield Contender(judgement.AT_ONCE, said, early.scores, None, is_choice=False)

    def _online(self, name: str, said: str, config: Config) -> Contender:
        found = self._learned(name, config)
        return Contender(name, said, found.scores, len(self.footing) / found.seconds)

    def _learned(
        self, name: str, config: Config, *, copied: bool = False, at_once: bool = False
    ) -> Learned:
        order = self.footing.order(at_once=at_once)
        with self.progress(name) as shown:
            return learned(config, self.footing, order, shown, copied=copied)

    def _boosted(self) -> Iterator[Contender]:
        wanted = [name for name in judgement.BATCH if name not in self.left_aside]
        if not wanted:
            return
        boosting = Boosting(self.footing, self.proposed.init.schema)
        ways: dict[str, tuple[str, Callable[[], Boosted]]] = {
            judgement.ONCE: ("trained on the first part", boosting.once),
            judgement.MONTHLY: (f"trained anew {self.footing.renewed_when}", boosting.monthly),
        }
        behind = len(self.footing) - self.footing.first
        for name in wanted:
            said, train = ways[name]
            say(f"{name} ...")
            found = train()
            if not found.has_model:
                self.left_aside[name] = TOO_FEW
                continue
            # Without a model one would go by the share of positives.
            scores = np.where(np.isnan(found.scores), self.footing.base_rate, found.scores)
            yield Contender(name, said, scores, behind / max(found.seconds, 1e-9))


def _as_tried(config: Config) -> str:
    """What of a config file is tried: its learner, with scores as this gives them."""
    settings = config.settings
    left = ["[imbalance]"] if settings.imbalance != ImbalanceSettings() else []
    left += ["[calibration]"] if settings.calibration.method != "none" else []
    if not left:
        return "the config file as it is"
    return f"the config file without its {' and '.join(left)}, which are not applied"


def _how(config: Config) -> str:
    """The arguments of a learner, and what is crossed, in words."""
    learner = config.settings.learner
    said = [learner.args] if learner.args else []
    if any(settings.features for _, settings in config.schema.columns):
        said.append("numbers scaled and in bins")
    if learner.interactions == PAIRS:
        said.append("all pairs crossed")
    elif config.schema.interactions:
        said.append("some columns crossed")
    return ", ".join(said) or "Vowpal Wabbit as it comes"


def left_aside(asked: tuple[str, ...]) -> dict[str, str]:
    """The contenders that are not tried, and why.

    Args:
        asked: those that are not wanted.
    """
    left = dict.fromkeys(asked, "as asked")
    if not is_installed():
        left |= {name: NOT_INSTALLED for name in judgement.BATCH if name not in left}
    return left
