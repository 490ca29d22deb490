"""What callers were given: how far behind the version was that gave it, in examples and seconds.

A lag in examples is what the learner had learned when it took the event, less what the version had
learned that served; below zero where a version served that had learned more, such as a backfill's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from converters.show.tables import counted
from learners.evaluation.labelled_examples import MILLISECONDS, SERVED
from learners.metrics.arrays import IntArray

# In metrics: how old what callers were given was, and what is not believed.
REMEMBERED = "remembered"
# Why what a record says is not believed, in words.
WHY_IGNORED = {
    "forged": "without a signature by this home's key",
    "no-key": "that nobody can check: copy served.key from the server's home to the learner's",
    "other-rows": "of another number of rows",
}


@dataclass
class ServedLag:
    """Exact sums over the events that were measured with the score that their caller was given."""

    count: int = 0
    lessons_sum: int = 0
    lessons_max: int = 0
    ms_sum: int = 0
    ms_max: int = 0

    def add(self, lessons: IntArray, ms: IntArray) -> None:
        """Add the lags of some events."""
        if not lessons.size:
            return
        first = not self.count
        most, oldest = int(lessons.max()), int(ms.max())
        self.lessons_max = most if first else max(self.lessons_max, most)
        self.ms_max = oldest if first else max(self.ms_max, oldest)
        self.count += lessons.size
        self.lessons_sum += int(lessons.sum())
        self.ms_sum += int(ms.sum())

    def to_json(self) -> dict[str, Any]:
        """The sums, and for readers the means."""
        count = self.count
        return asdict(self) | {
            "lessons_mean": self.lessons_sum / count if count else None,
            "seconds_mean": self.ms_sum / count / MILLISECONDS if count else None,
            "seconds_max": self.ms_max / MILLISECONDS if count else None,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_json`."""
        return cls(*(content[name] for name in asdict(cls())))


def given_words(metrics: Mapping[str, Any]) -> list[str]:
    """What metrics tell of what callers were given, in sentences; none where there is nothing."""
    said = metrics.get(REMEMBERED)
    if said is None:
        return []
    lag, measured = said["lag"], (metrics.get("contenders") or {}).get(SERVED) or {}
    found = []
    if lag["count"]:
        examples, most = f"{lag['lessons_mean']:,.1f}", f"{lag['lessons_max']:,}"
        old, oldest = f"{lag['seconds_mean']:,.1f} s", f"{lag['seconds_max']:,.1f} s"
        found.append(
            f"Callers of /predict were given scores for {counted(lag['count'], 'event', 'events')} "
            f"that have their label ('{SERVED}'): log loss {measured['log_loss']:.4f}, where the "
            f"learner's score on arrival has {measured['score_log_loss']:.4f}. The version that "
            f"answered was {examples} examples behind the learner (at most {most}) and {old} old "
            f"(at most {oldest})."
        )
    found += [
        f"{counted(count, 'record tells', 'records tell')} of scores {WHY_IGNORED.get(why, why)}: "
        "these are ignored, their rows are not."
        for why, count in said["ignored"].items()
    ]
    return found
