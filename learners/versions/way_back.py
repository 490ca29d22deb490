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
from learners.registry.requests.rollback import Replay
from learners.registry.row_types import Pointers, Rollback, Status, iso
from learners.snapshots.store import SnapshotStore
from learners.versions.model_state import progress_of
from learners.versions.own_schema import check_servable

# What a rollback has the learner do.
LearnerMode = Literal["keep", "resume", "replay"]
MODES: tuple[LearnerMode, ...] = get_args(LearnerMode)


def roll_back(
    registry: Registry,
    config: tuple[Settings, Schema],
    number: int,
    how: Literal["keep", "resume"] | Replay,
    reason: str,
    actor: Actor,
) -> Pointers:
    """Serve a version again, and have the learner do what is asked of it.

    Whether the log has what a replay reads is not looked at here.

    Returns:
        The pointers; with the rollback, if the learner is to go back too.

    Raises:
        RegistryError: it cannot be served, or the learner cannot go back to it.
        SnapshotError: its files are gone or damaged.
    """
    _check(registry, config, number, whole=how != "keep")
    if how == "keep":
        return registry.serving.pin("rollback", number, reason, actor)
    return registry.rollbacks.ask(number, how, reason, actor)


def try_replay(
    registry: Registry, config: tuple[Settings, Schema], number: int, how: Replay
) -> Rollback:
    """The rollback as :func:`roll_back` would ask for it; nothing is changed.

    Raises:
        RegistryError: as :func:`roll_back`.
        SnapshotError: likewise.
    """
    _check(registry, config, number, whole=True)
    return registry.rollbacks.tried(number, how)


def _check(
    registry: Registry, config: tuple[Settings, Schema], number: int, *, whole: bool
) -> None:
    """Refuse a version that cannot be served; or whose files are not all as they were."""
    settings, today = config
    wanted, snapshots = registry.versions.find(number), SnapshotStore(Path(settings.snapshots))
    check_servable(registry, snapshots, today, wanted)
    if whole and wanted.state not in ("thinned", "refused"):  # those the registry refuses by itself
        with snapshots.open(wanted.snapshot):
            pass


def rollback_json(rollback: Rollback, status: Status | None = None) -> dict[str, Any]:
    """A rollback, for scripts.

    Args:
        rollback: which one.
        status: the learner's last heartbeat, which knows how far it is.
    """
    return {
        "rollback": rollback.number,
        "version": rollback.version,
        "learner": rollback.learner,
        "state": rollback.state,
        "progress": progress_of(rollback, status),
        "at": iso(rollback.at),
        "actor": rollback.actor,
        "reason": rollback.reason,
        "lineage": rollback.lineage,
        "made": rollback.made,
        "quarantine": rollback.quarantine,
        "undoes": rollback.undoes,
        "tip": rollback.tip,
        "trouble": rollback.words,
        "ended_at": None if rollback.ended_at is None else iso(rollback.ended_at),
    }


def rollback_words(rollback: Rollback) -> str:
    """What has become of a rollback, in a sentence."""
    number, version = rollback.number, rollback.version
    what = f"Rollback {number}: the learner"
    replay = rollback.learner == "replay"
    without = ", without what is in quarantine" if replay and rollback.quarantined else ""
    again = f" and reads the log again from there{without}," if replay else ""
    if rollback.state == "asked":
        return f"{what} goes back to version {version}{again} when it next looks, or starts."
    if rollback.state in ("claimed", "replaying"):
        does = "is reading the log again from" if replay else "is going back to"
        return f"{what} {does} version {version}, by lineage {rollback.lineage}{without}."
    if rollback.state == "done":
        read = f" and has read the log again{without}" if replay else ""
        return (
            f"{what} has gone back to version {version}{read}, and made version {rollback.made} of "
            f"it.{_undone_by(rollback)}"
        )
    return f"Rollback {number} to version {version} {_ENDS[rollback.state]}: {rollback.words}"


def _undone_by(rollback: Rollback) -> str:
    """How to undo a replay that was a mistake."""
    if rollback.tip is None:
        return ""
    undoing = f"freshet rollback {rollback.tip} --learner replay --instead --reason TEXT"
    return f" If it was a mistake: '{undoing}'."


_ENDS = {"failed": "failed", "cancelled": "was cancelled"}
