"""A learner's whole state row by row: what goes back to a version, and what stays where it is.

Nothing of ``stream`` and of the registry is in it but the form of rows. Scores come from the
learner itself, line by line; calibration is fitted by its own formula, at the moments told here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from converters.cells.refusal import Refusal
from converters.config.learning_settings import LateLabelSettings
from learners import choose
from learners.calibration.platt import Platt
from learners.learner import Learner, LearnerSpec
from stream.log.batch import EventRows, LabelRows, LeftOut
from tests.support.streams.simulation import Event, Simulation

Partition = tuple[str, int]
# The next offset of each partition.
Cut = dict[Partition, int]
Offset = tuple[str, int, int]
Corrected = Mapping[Offset, Mapping[int, "Sent"]]
MAIN, SHADOW, STATIC, RAW = "main", "slow", "static", "raw"
LEARNERS = ("learner", "shadow", "static")


class Sent(NamedTuple):
    """A record, and the id of each of its rows, of those too that are refused."""

    record: EventRows | LabelRows
    ids: list[str]


class Rules(NamedTuple):
    """What a model is configured to do.

    Attributes:
        share: of the negative examples that is learned.
        window: how many examples calibration looks at; 0 for none.
        every: how many examples lie between two fits.
        static_after: when the frozen copy is taken, ms; None for never.
        shadow: the arguments of the shadow, if there is one.
    """

    late: LateLabelSettings
    duplicates: int
    spec: LearnerSpec
    share: float = 1.0
    window: int = 0
    every: int = 10
    static_after: int | None = None
    shadow: LearnerSpec | None = None


@dataclass
class Fitted:
    """Raw scores made served ones: corrected for what was not learned, then calibrated."""

    share: float
    window: int
    every: int
    count: int = 0
    held: list[tuple[float, bool]] = field(default_factory=list)
    fit: Platt | None = None

    def served(self, raw: float) -> float:
        """What is served of a raw score."""
        score = self._corrected(raw)
        return score if self.fit is None else self.fit.apply_to(score)

    def learn(self, raw: float | None, label: int) -> None:
        """A label; ``raw`` is None where other weights gave the score."""
        if raw is None or not self.window:
            return
        odds = float(Platt.coordinates(np.array([self._corrected(raw)]))[0])
        self.held = [*self.held, (odds, label == 1)][-self.window :]
        self.count += 1
        positives = sum(positive for _, positive in self.held)
        if self.count % self.every == 0 and 0 < positives < len(self.held):
            odds_, labels = zip(*self.held, strict=True)
            self.fit = Platt.fit(np.array(odds_), np.array(labels), self.fit)

    def _corrected(self, raw: float) -> float:
        if self.share == 1.0 or raw == 0.0:
            return raw
        return 1.0 / (1.0 + (1.0 / self.share) * ((1.0 - raw) / raw))


@dataclass
class Frozen:
    """A state to come back to: the learners as they are saved, and a copy of all else."""

    models: dict[str, bytes]
    rest: dict[str, Any]

    @property
    def model(self) -> str:
        """The hash of what the learner knew."""
        return sha256(self.models["learner"]).hexdigest()


class Learnt(Simulation):
    """A learner's state, row by row.

    Attributes:
        shadow: what learns beside it, if anything.
        begun: how many examples were learned when that began.
        static: the frozen copy, once it is taken.
        fitted: how the scores of each are served.
        of_static: score and label of each example, as the frozen copy has them.
        of_shadow: the same of the shadow, by the number of the example.
        cut: how far it has read.
        path: the cuts of the batches that led to it.
        skipped: the offsets that its lineage leaves out.
        corrected: rows that it takes in their place, by offset and number.
    """

    def __init__(self, rules: Rules) -> None:
        super().__init__(rules.late, rules.duplicates, choose.create(rules.spec))
        self.rules = rules
        self.fitted = {MAIN: self._unfitted()}
        self.shadow: Learner | None = None
        self.static: Learner | None = None
        self.begun = 0
        self.of_static: list[tuple[float, int]] = []
        self.of_shadow: dict[int, tuple[float, int]] = {}
        self.cut: Cut = {}
        self.path: list[Cut] = []
        self.skipped: frozenset[Offset] = frozenset()
        self.corrected: Corrected = {}
        self._arriving: Event | None = None
        self.begin_shadow()

    # What goes back, and what stays.

    def frozen(self) -> Frozen:
        """All of it."""
        own = vars(self)
        models = {name: _saved(own[name]) for name in LEARNERS if own[name] is not None}
        rest = {name: of for name, of in own.items() if name not in (*LEARNERS, "rules", "late")}
        return Frozen(models, deepcopy(rest))

    @classmethod
    def at(cls, frozen: Frozen, rules: Rules) -> Learnt:
        """The state again, all of it."""
        found = cls(rules)
        found.close()
        vars(found).update(deepcopy(frozen.rest))
        for name in LEARNERS:
            vars(found)[name] = _loaded(frozen, name, rules)
        found.begin_shadow()
        return found

    def resume(self, version: Frozen) -> None:
        """What a version had learned, with all else as it is now."""
        self.close(static=False)
        self.learner = _loaded(version, "learner", self.rules)
        then = deepcopy(version.rest["fitted"])
        self.fitted[MAIN] = then[MAIN]
        if self.shadow is not None:
            self.shadow = _loaded(version, "shadow", self.rules)
            if self.shadow is None:  # it is younger than the version
                self.begin_shadow()
            else:
                self.fitted[SHADOW] = then[SHADOW]
        for event in (*self.waiting, *self.taught):
            event.others = {n: of for n, of in event.others.items() if not n.startswith(RAW)}

    def begin_shadow(self) -> None:
        """Have a shadow from here on, if there is to be one and is none."""
        if self.rules.shadow is not None and self.shadow is None:
            self.shadow, self.fitted[SHADOW] = choose.create(self.rules.shadow), self._unfitted()
            self.begun, self.of_shadow = len(self.measured), {}

    def close(self, *, static: bool = True) -> None:
        """Free the learners."""
        for learner in (self.learner, self.shadow, self.static if static else None):
            if learner is not None:
                learner.close()

    def model(self) -> str:
        """The hash of what the learner knows."""
        return sha256(_saved(self.learner)).hexdigest()

    # One row.

    def take(self, record: EventRows | LabelRows | LeftOut) -> None:
        """One record, perhaps in quarantine; the frozen copy is taken just before one."""
        since = self.rules.static_after
        good = not isinstance(record, LeftOut) and any(
            not isinstance(row, Refusal) for row in record.rows
        )
        if good and since is not None and self.static is None and record.time >= since:
            self.static = _loaded(self.frozen(), "learner", self.rules)
            self.fitted[STATIC] = deepcopy(self.fitted[MAIN])
            self.of_static = list(self.measured)
            for event in (*self.waiting, *self.taught):
                event.others[STATIC] = event.score
        super().take(record)

    def _scored(self, event: Event, label: int | None) -> float:
        """Scored by one line, which learns it too if its label is known."""
        self._arriving = None if label is None else event
        line = None if label is None else self._line(event, label)
        raw = self.learner.step([line or event.text])[0]
        event.others[f"{RAW} {MAIN}"] = raw
        if self.shadow is not None:
            slow = self.shadow.step([line or event.text])[0]
            event.others[f"{RAW} {SHADOW} {self.begun}"] = slow
            event.others[f"{SHADOW} {self.begun}"] = self.fitted[SHADOW].served(slow)
        if self.static is not None:
            copied = self.static.predict([event.text])[0]
            event.others[STATIC] = self.fitted[STATIC].served(copied)
        return self.fitted[MAIN].served(raw)

    def _teach(self, event: Event, label: int) -> None:
        corrected = event.lesson >= 0
        line = self._line(event, label)
        if line is None:
            self.counts["left_out"] += not corrected
        elif event is not self._arriving:
            self.learner.step([line])
            if self.shadow is not None:
                self.shadow.step([line])
        if corrected:
            self._correct(event, label)
            return
        self.fitted[MAIN].learn(event.others.get(f"{RAW} {MAIN}"), label)
        self.of_static.append((event.others.get(STATIC, event.score), label))
        slow = event.others.get(f"{SHADOW} {self.begun}")
        if self.shadow is not None:
            raw = event.others.get(f"{RAW} {SHADOW} {self.begun}")
            self.fitted[SHADOW].learn(raw, label)
            if slow is not None:
                self.of_shadow[len(self.measured)] = (slow, label)

    def _learn(self, event: Event, label: int) -> None:
        super()._learn(event, label)
        self._arriving = None

    def _correct(self, event: Event, label: int) -> None:
        """Measured again with another label."""
        self.of_static[event.lesson] = (self.of_static[event.lesson][0], label)
        if event.lesson in self.of_shadow:
            self.of_shadow[event.lesson] = (self.of_shadow[event.lesson][0], label)

    def _line(self, event: Event, label: int) -> str | None:
        """What is learned; None of a negative example that is left out by its id."""
        key = event.id or str(len(self.measured))
        drawn = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big") >> 11
        if label == 0 and drawn / 2**53 >= self.rules.share:
            return None
        return f"{'1' if label else '-1'} {event.text}"

    def _unfitted(self) -> Fitted:
        return Fitted(self.rules.share, self.rules.window, self.rules.every)


def _saved(learner: Learner) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        learner.save(path)
        return path.read_bytes()


def _loaded(frozen: Frozen, name: str, rules: Rules) -> Any:
    if name not in frozen.models:
        return None
    spec = rules.shadow if name == "shadow" else rules.spec
    assert spec is not None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        path.write_bytes(frozen.models[name])
        return choose.load(spec, path)
