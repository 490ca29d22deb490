"""The state of a model and its learner as JSON: ``/status``, ``/metrics`` and ``freshet status``.

Made of what the registry holds: the learner's last heartbeat, the pointers and the versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from learners.evaluation.labelled_examples import PINNED
from learners.registry.row_types import (
    Pointers,
    Quarantine,
    Rollback,
    Status,
    Version,
    iso,
    utc_now,
)
from learners.report.served_version import held, served_version

State = dict[str, Any]
# A learner beats each second; a long checkpoint or a locked log may delay it by some.
ALIVE_SECONDS = 25.0
# Of the numbers in the heartbeat, what is not a count of events or labels.
NOT_COUNTS = frozenset({"events_per_second", "alive"})
# What a person should look at, in words; empty where there is nothing.
TROUBLES = ("labels", "rejected", "unseen", "absent", "expiry", "repeated")


def learner_state(status: Status | None, labels_limit: int, disk_trouble: str) -> State | None:
    """The learner's last heartbeat, whether it is recent, and whether what is learned is saved.

    How far one that does not run is behind is not known: rows may have come since.
    """
    if status is None:
        return None
    beat = status.status
    age = max(0.0, (utc_now() - status.at).total_seconds())
    alive = bool(beat.get("alive", True)) and age < ALIVE_SECONDS
    lag = beat.get("lag", {}) if alive else {}
    disk_trouble = disk_trouble or beat.get("disk_trouble", "")
    checkpoint_trouble = beat.get("checkpoint_trouble", "")
    return {
        "alive": alive,
        "up": alive and not disk_trouble and not checkpoint_trouble,
        "owner": status.owner,
        "heartbeat_age": round(age, 3),
        "events_per_second": beat.get("events_per_second", 0.0) if alive else 0.0,
        "lag": lag,
        "lag_records": sum(lag.values()) if alive else None,
        "refused": beat.get("refused", ""),
        "waiting_for": beat.get("waiting_for", ""),
        "waiting_since": beat.get("waiting_since", ""),
        "checkpoint_trouble": checkpoint_trouble,
        "disk_trouble": disk_trouble,
        "labels_waiting": beat.get("labels_waiting", 0),
        "labels_limit": labels_limit,
        "labels_crowded_out": beat.get("crowded_out_labels", 0),
        **{f"{name}_trouble": beat.get(f"{name}_trouble", "") for name in TROUBLES},
        "counts": {
            name: n
            for name, n in beat.items()
            if name not in NOT_COUNTS and isinstance(n, int | float)
        },
    }


def served_state(
    pointed: State, served: State | None, status: Status | None, versions: Sequence[Version]
) -> State:
    """How what is served is measured, and the learner's newest version if it is held back."""
    newest = next((each for each in versions if each.version == pointed["latest"]), None)
    reason = held(newest)
    found: State = {"held": {"version": pointed["latest"] if reason else None, "reason": reason}}
    if served is None:
        return found
    pointers = Pointers(pointed["latest"], served["version"], pinned=pointed["pinned"])
    how = served_version(pointers, newest, None if status is None else status.status.get(PINNED))
    return found | {"served": served | how.to_json()}


def progress_of(rollback: Rollback, status: Status | None) -> State | None:
    """How far a replay has come, in rows, by the learner's last heartbeat; None if none knows.

    ``seconds_left`` is None until it is known, and while the learner does not run.
    """
    beat = {} if status is None else status.status.get("catching_up") or {}
    if status is None or not rollback.under_way or beat.get("rollback") != rollback.number:
        return None
    silent = (utc_now() - status.at).total_seconds() >= ALIVE_SECONDS
    left = None if silent else beat["seconds_left"]
    return {name: beat[name] for name in ("rows", "of", "share")} | {"seconds_left": left}


def quarantines_state(in_force: Sequence[Quarantine]) -> list[State]:
    """What is in quarantine, without the ranges, of which there may be thousands."""
    return [
        {
            "quarantine": each.number,
            "offsets": each.offsets,
            "corrected": each.corrected,
            "at": iso(each.at),
            "actor": each.actor,
            "reason": each.reason,
        }
        for each in in_force
    ]


def measures(status: Status | None, versions: Sequence[Version]) -> State:
    """The learner's metrics; after a restart, until its first heartbeat, its last version's."""
    latest: State = {} if status is None else status.status.get("metrics", {})
    return latest or (versions[-1].metrics if versions else {})
