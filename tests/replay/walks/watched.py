"""A learner that is watched: every score that it gives, and crashes at chosen moments."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from learners.registry.writer import Writer
from stream.fold.pipeline import Pipeline, Written
from stream.fold.plan import Plan
from stream.fold.scoring import Scoring
from stream.joins.joiner import Joiner
from stream.learner.loop import OutputThread
from stream.learner.process import LearnerProcess
from stream.log.batch import Batch
from tests.replay.walks.lineages_by_rows import Scored

Seen = Callable[[Batch, LearnerProcess], None]


class CrashError(Exception):
    """Stands for a kill: nothing since the last checkpoint is saved."""


class Crash(NamedTuple):
    """When the learner ends.

    Attributes:
        at: the method at which it does; None for after a batch.
        call: at which call of it, counted from 1.
        after: whether what is called is done.
    """

    at: tuple[type, str] | None
    call: int
    after: bool

    @classmethod
    def drawn(cls, draw: random.Random) -> Crash:
        """At any moment."""
        every: list[tuple[tuple[type, str] | None, int]] = [
            (None, 25),
            ((Writer, "commit"), 3),
            ((Writer, "begin_lineage"), 1),
            ((OutputThread, "write"), 25),
        ]
        at, most = draw.choice(every)
        return cls(at, draw.randint(1, most), draw.random() < 0.5)


@contextmanager
def crashing(crash: Crash) -> Iterator[Seen]:
    """The learner ends as it is told while the ``with`` lasts; what is to see its batches."""
    calls = 0

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        def called(*words: Any, **named: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= crash.call and not crash.after:
                raise CrashError
            found = act(*words, **named)
            if calls >= crash.call:
                raise CrashError
            return found

        return called

    batch: Seen = lambda _batch, _process: None  # noqa: E731
    with ExitStack() as patched:
        if crash.at is not None:
            owner, name = crash.at
            patched.enter_context(patch.object(owner, name, counted(getattr(owner, name))))
        else:
            batch = counted(batch)
        yield batch


@contextmanager
def watching(scores: dict[tuple[int, int], list[Scored]]) -> Iterator[None]:
    """All scores of each batch that is folded, by its lineage and number.

    Raises:
        AssertionError: a batch of the journal that is folded again gets other ones.
    """
    take, step = Pipeline.take, Scoring.step
    found: list[Scored] = []

    def stepped(self: Scoring, plan: Plan, joiner: Joiner) -> Any:
        given = step(self, plan, joiner)
        behind = plan.arrivals.behind.tolist()
        found.extend(zip(plan.arrivals.ids, given[0].tolist(), behind, strict=True))
        return given

    def taken(self: Pipeline, batch: Batch, *, write: bool = True) -> Written:
        found.clear()
        written = take(self, batch, write=write)
        named = self.lineage, self.batches
        assert not batch.replayed or scores[named] == found, ("folded again", named)
        scores[named] = list(found)
        return written

    with patch.object(Pipeline, "take", taken), patch.object(Scoring, "step", stepped):
        yield
