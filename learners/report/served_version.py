"""Which figures are those of the version that is served, and why its newest rival waits.

The learner's own figures are of the version that is served as long as serving follows the learner.
While another is pinned, the learner scores with that one too, as the contender ``pinned``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from learners.evaluation.labelled_examples import PINNED
from learners.registry.row_types import Checkpoint, Pointers, Version
from learners.report.ancestry import Replayed

LEARNER = "learner"


class ServedVersion(NamedTuple):
    """What is served, and how that is measured.

    Attributes:
        version: its number; None while nothing is served.
        measured_as: ``learner`` or ``pinned``: the figures that are of it; None: there are none.
        why: why there are none.
    """

    version: int | None
    measured_as: str | None
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return self._asdict()


def served_version(
    pointers: Pointers, newest: Checkpoint | None, pin: Mapping[str, Any] | None
) -> ServedVersion:
    """What is served, and how it is measured.

    Args:
        pointers: what is served.
        newest: the version that ``pointers.latest`` names, if it is known.
        pin: the pin that figures were gathered under, as manifests and heartbeats hold it.
    """
    serving = pointers.serving
    if serving is None:
        return ServedVersion(None, None, "There is no version yet.")
    if pointers.pinned:
        known = pin is not None and pin["version"] == serving
        if pin is None or not known:
            return ServedVersion(serving, None, NOT_YET)
        trouble = pin["trouble"]
        return ServedVersion(serving, None, trouble) if trouble else ServedVersion(serving, PINNED)
    if serving == pointers.latest:
        return ServedVersion(serving, LEARNER)
    return ServedVersion(serving, None, _instead(pointers, newest))


OTHER_SCHEMA = (
    "It was learned with other columns, labels or interactions than the learner's, or with another "
    "release's readings of cells, so it cannot score the learner's rows."
)
NOT_YET = "It was pinned after these figures; the learner scores with it from its next second on."


def with_unlike(
    pin: Mapping[str, Any] | None, served: Version | None, checkpoint: Checkpoint
) -> Mapping[str, Any] | None:
    """The pin of a checkpoint; of what the learner cannot score with, that there is none."""
    if served is None or served.schema_hash == checkpoint.schema_hash:
        return pin
    return {"version": served.version, "trouble": OTHER_SCHEMA}


def _instead(pointers: Pointers, newest: Checkpoint | None) -> str:
    """Why serving follows the learner, and yet something else is served than its newest."""
    if held(newest):
        return f"The learner's newest, version {pointers.latest}, is held back."
    if newest is not None and newest.state == "refused":
        return f"The learner's newest, version {pointers.latest}, was refused."
    return "The learner has not made a version of its own since it was promoted."


def held(newest: Checkpoint | None) -> str:
    """Why the learner's newest version is held back; nothing if it is not."""
    is_held = newest is not None and newest.state == "candidate" and newest.epoch is not None
    return newest.reason if newest is not None and is_held else ""


OTHERS = "These figures"


def of_checkpoint(
    served: ServedVersion, checkpoint: Checkpoint, live_lineage: int | None
) -> ServedVersion:
    """The same of the figures of one checkpoint: those of another lineage are not of it."""
    if checkpoint.lineage == live_lineage:
        return served
    if checkpoint.epoch is None:
        why = (
            f"{OTHERS} are of a backfill (lineage {checkpoint.lineage}): they are of the scores "
            "that it gave when it was made, which nobody was served."
        )
    else:
        why = (
            f"{OTHERS} are of lineage {checkpoint.lineage}, on which the learner worked before: "
            "they are of the scores that it gave at arrival then."
        )
    return ServedVersion(served.version, None, why)


def learner_is_served(document: Mapping[str, Any]) -> bool:
    """Whether the learner's own figures in a report or comparison are of what is served."""
    return document["served"]["measured_as"] == LEARNER and not document["pinned"]


def scores_were_served(document: Mapping[str, Any]) -> bool:
    """Whether these are also scores that were served, and not in part a backfill's."""
    return learner_is_served(document) and document.get("replayed") is None


def served_words(document: Mapping[str, Any]) -> list[str]:
    """What is served, and whose the figures are, where the learner's own are not all of that."""
    said = _of_served(document)
    replayed = document.get("replayed")
    return said if replayed is None else [*said, Replayed(**replayed).words()]


def _of_served(document: Mapping[str, Any]) -> list[str]:
    served, pinned = document["served"], document["pinned"]
    if served["version"] is None or learner_is_served(document):
        return []
    if served["measured_as"] == PINNED:
        words = (
            f"Version {served['version']} is pinned and served: its figures are those of "
            f"'{PINNED}', of the events since its pin. '{LEARNER}' is the learner, which is not "
            "served."
        )
        return [words]
    if served["measured_as"] == LEARNER:
        return [f"Version {pinned['version']} was pinned when these figures were gathered."]
    if served["why"].startswith(OTHERS):
        return [f"Version {served['version']} is served. {served['why']}"]
    return [f"Version {served['version']} is served and not measured: {served['why']}"]
