"""The end of a rollback: whether the learner has gone back, how far a replay is, how long it takes.

A resume is over at once. A replay is once it has read as far as the learner had before.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

from converters.logger import log
from learners.registry import Registry
from learners.registry.row_types import Rollback
from stream.fold.pipeline import Pipeline
from stream.log.contract import Place
from stream.log.journal import to_cut

# How often the log says how far a replay is.
SAID_EVERY_SECONDS = 10.0


class CatchingUp:
    """A rollback that the learner has claimed, of which it has to make a version.

    Args:
        rollback: which one.
        registry: knows it, and how many rows the learner had taken before.
        pipeline: what goes on.
    """

    def __init__(self, rollback: Rollback, registry: Registry, pipeline: Pipeline) -> None:
        self._rollback = rollback
        self._registry = registry
        self._until = to_cut(rollback.until or {})
        self._begun = self._said = monotonic()
        self._told = rollback.state == "replaying"
        self._first = rows_taken(pipeline)
        self._since = self._of = 0
        if rollback.tip is not None:
            find = registry.versions.find
            self._since = _rows(find(rollback.version).events)
            self._of = _rows(find(rollback.tip).events) - self._since
            log.info(
                "reading the log again",
                rollback=rollback.number,
                rows=self._of,
            )

    def is_over(self, cut: Mapping[Place, int]) -> bool:
        """Whether the learner is where the version is to be made."""
        over = all(cut.get(place, 0) >= at for place, at in self._until.items())
        if over and self._rollback.tip is not None:
            seconds = round(monotonic() - self._begun, 1)
            log.info("caught up", rollback=self._rollback.number, seconds=seconds)
        return over

    def status(self, pipeline: Pipeline) -> dict[str, Any] | None:
        """How far a replay is, in rows; None of a resume. The registry is told that it reads.

        ``seconds_left`` is None until it is known.
        """
        if self._rollback.tip is None:
            return None
        if not self._told:
            self._registry.rollbacks.replaying(self._rollback.number)
            self._told = True
        now = rows_taken(pipeline)
        rows, seconds = now - self._since, monotonic() - self._begun
        rate = (now - self._first) / seconds if seconds else 0.0
        share = min(1.0, rows / self._of) if self._of > 0 else 1.0
        found = {
            "rollback": self._rollback.number,
            "rows": rows,
            "of": self._of,
            "share": share,
            "seconds_left": round(max(0, self._of - rows) / rate, 1) if rate else None,
        }
        if monotonic() - self._said >= SAID_EVERY_SECONDS:
            self._said = monotonic()
            log.info("still reading the log again", **found | {"share": round(share, 3)})
        return found


def rows_taken(pipeline: Pipeline) -> int:
    """Rows of events and labels that a lineage has taken, those in quarantine too."""
    return pipeline.counts.events + pipeline.joiner.counts.labels


def _rows(counts: Mapping[str, int]) -> int:
    return counts.get("events", 0) + counts.get("labels", 0)
