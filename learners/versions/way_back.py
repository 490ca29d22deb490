"""A rollback as command line and HTTP ask for it, and how it is told.

Whatever can be refused is before anything has moved: a version without files or with damaged ones,
another schema, other arguments, another rollback that is under way.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, get_args

from converters.config.settings import Settings
from converters.schema.schema import Schema
from learners.registry import Registry
from learners.registry.actor import Actor
from learners.registry.row_types import Pointers, Rollback, iso
from learners.snapshots.store import SnapshotStore
from learners.versions.own_schema import check_servable

# What a rollback has the learner do.
LearnerMode = Literal["keep", "resume"]
MODES: tuple[LearnerMode, ...] = get_args(LearnerMode)


def roll_back(
    registry: Registry,
    config: tuple[Settings, Schema],
    number: int,
    learner: LearnerMode,
    reason: str,
    actor: Actor,
) -> Pointers:
    """Serve a version again, and have the learner do what is asked of it.

    Returns:
        The pointers; with the rollback, if the learner is to go back too.

    Raises:
        RegistryError: it cannot be served, or the learner cannot go back to it.
        SnapshotError: its files are gone or damaged.
    """
    settings, today = config
    wanted, snapshots = registry.versions.find(number), SnapshotStore(Path(settings.snapshots))
    check_servable(registry, snapshots, today, wanted)
    if learner == "keep":
        return registry.serving.pin("rollback", number, reason, actor)
    if wanted.state not in ("thinned", "refused"):  # those the registry refuses by itself
        with snapshots.open(wanted.snapshot):
            pass
    return registry.rollbacks.ask(number, learner, reason, actor)


def rollback_json(rollback: Rollback) -> dict[str, Any]:
    """A rollback, for scripts."""
    return {
        "rollback": rollback.number,
        "version": rollback.version,
        "learner": rollback.learner,
        "state": rollback.state,
        "at": iso(rollback.at),
        "actor": rollback.actor,
        "reason": rollback.reason,
        "lineage": rollback.lineage,
        "made": rollback.made,
        "trouble": rollback.words,
        "ended_at": None if rollback.ended_at is None else iso(rollback.ended_at),
    }


def rollback_words(rollback: Rollback) -> str:
    """What has become of a rollback, in a sentence."""
    number, version = rollback.number, rollback.version
    what = f"Rollback {number}: the learner"
    if rollback.state == "asked":
        return f"{what} goes back to version {version} when it next looks, or starts."
    if rollback.state == "claimed":
        return f"{what} is going back to version {version}, by lineage {rollback.lineage}."
    if rollback.state == "done":
        return f"{what} has gone back to version {version}, and made version {rollback.made} of it."
    return f"Rollback {number} to version {version} {_ENDS[rollback.state]}: {rollback.words}"


_ENDS = {"failed": "failed", "cancelled": "was cancelled"}
