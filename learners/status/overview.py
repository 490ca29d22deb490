"""The document of ``freshet status --json``, made by reading only: nothing is created or locked.

It holds what the registry knows (heartbeat, pointers, ledger, checkpoints) and what the disks say.
A learner that does not run has told its positions, but not its lag: that is unknown.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from converters.cells.kind import older_readings
from converters.config.settings import Settings
from converters.config.shown_url import shown_url
from learners.evaluation.labelled_examples import PINNED
from learners.evaluation.served_lag import given_words
from learners.registry import Registry
from learners.registry.errors import NoRegistryError, RegistryError
from learners.registry.row_types import (
    Adoption,
    Checkpoint,
    Entry,
    Lineage,
    Pointers,
    Quarantine,
    Rollback,
    Status,
    Version,
    iso,
    utc_now,
)
from learners.report.ancestry import Ancestry, TrainedOn
from learners.report.served_version import LEARNER
from learners.snapshots.disk import unwritable
from learners.status.troubles import not_running, troubles
from learners.versions.describe import adoption_json
from learners.versions.model_state import (
    State,
    learner_state,
    measures,
    quarantines_state,
    served_state,
)
from learners.versions.way_back import rollback_json

# Of the measures, what one line holds.
MEASURES = ("count", "log_loss", "auc", "base_rate", "base_rate_log_loss")
# Of the learner's state, what has a place of its own in the document.
ELSEWHERE = frozenset({"lag", "lag_records", "counts", "labels_waiting", "alive", "up"})
# A heartbeat comes each second: once some are missing, a process that is gone was killed.
MISSED_SECONDS = 5.0
_OWNER = re.compile(r".*@(?P<host>.+), process (?P<pid>\d+)")


@dataclass(frozen=True, slots=True)
class Found:
    """What a registry says of a model at one time; the versions are those that it points to."""

    status: Status | None
    pointers: Pointers
    latest: Version | None
    served: Version | None
    move: Entry | None
    choice: Entry | None
    trained_on: TrainedOn | None
    adoption: Adoption | None
    rollback: Rollback | None
    quarantines: list[Quarantine]
    point: Checkpoint | None
    lineage: Lineage | None


def status_document(settings: Settings) -> State:
    """The state of the config's model; ``warnings`` say what a person should look at."""
    state: State = {
        "model": settings.model,
        "at": iso(utc_now()),
        "log": shown_url(settings.log),
        "registry": {"url": shown_url(settings.registry), "reachable": True, "trouble": ""},
    }
    found = None
    try:
        registry = Registry(settings.registry, settings.model, read_only=True)
        with closing(registry):
            found = _ask(registry, settings.model)
    except NoRegistryError as error:
        state["registry"] |= {"exists": False, "trouble": str(error)}
    except RegistryError as error:
        state["registry"] |= {"exists": True, "reachable": False, "trouble": str(error)}
    else:
        state["registry"]["exists"] = True
    state |= _told(found, settings, reachable=state["registry"]["reachable"])
    state |= {"disks": list(_disks(settings))}
    idle = not_running(state) if state["registry"]["reachable"] else None
    return state | {
        "warnings": troubles(state, settings.gate.margin),
        "next": idle["do"] if idle else "",
    }


def _ask(registry: Registry, model: str) -> Found:
    """What there is of the model.

    Raises:
        NoRegistryError: the registry does not know it.
    """
    known = sorted(registry.writer.last_settings())
    if model not in known:
        others = ", ".join(known) or "none"
        raise NoRegistryError(f"The registry has no model '{model}' yet; it has: {others}.")
    pointers = registry.serving.pointers()
    latest = None if pointers.latest is None else registry.versions.find(pointers.latest)
    served = None if pointers.serving is None else registry.versions.find(pointers.serving)
    return Found(
        registry.writer.status(),
        pointers,
        latest,
        served,
        registry.ledger.last_move(),
        registry.ledger.last_choice(),
        None if served is None else Ancestry(registry).trained_on(served),
        registry.adoptions.pending(),
        registry.rollbacks.to_tell(),
        registry.quarantines.in_force(),
        registry.versions.resume_point(),
        registry.versions.live_lineage(),
    )


def _told(found: Found | None, settings: Settings, *, reachable: bool) -> State:
    """What the registry says, as JSON; the same keys if it says nothing."""
    status = None if found is None else found.status
    beat = {} if status is None else status.status
    latest = None if found is None else found.latest
    measured = measures(status, [] if latest is None else [latest])
    point = None if found is None else found.point
    learner = _learner(status, settings)
    if not reachable:
        learner["state"] = "unknown"
    lineage = None if found is None else found.lineage
    learner["older_readings"] = "" if lineage is None else older_readings(lineage.converter)
    counts = (learner_state(status, 0, "") or {}).get("counts") or {}
    serving = _serving(found, settings)
    return {
        **serving,
        "learner": learner,
        "stream": _stream(measured),
        **_partitions(learner["state"], beat, point),
        "counts": counts or ({} if point is None else point.events),
        "rejected_reasons": measured.get("rejected_reasons", {}),
        "unseen": _by_column(measured, "unseen"),
        "absent": _by_column(measured, "absent"),
        "checkpoint": None if point is None else _checkpoint(point, beat, settings),
        "measures": _measures(measured),
        "served_measures": _of_served(serving["served"], measured),
        "classes": {name: measured.get(name) or 0 for name in ("count", "positives")},
        "given": given_words(measured),
        "shadows": measured.get("shadow_troubles", {}),
    }


def _serving(found: Found | None, settings: Settings) -> State:
    """What is served since when, by whom and why; and what is not."""
    if found is None:
        nothing = ("served", "latest", "held", "adoption", "rollback")
        return dict.fromkeys(nothing) | {"quarantines": []}
    pointers, entry = found.pointers, found.move
    if pointers.pinned and found.choice and found.choice.to_version == pointers.serving:
        entry = found.choice
    served: State | None = None
    if found.served is not None:
        folder = Path(settings.snapshots) / found.served.snapshot.folder
        served = {
            "version": pointers.serving,
            "pinned": pointers.pinned,
            "since": found.move and iso(found.move.at),
            "action": entry and entry.action,
            "by": entry and entry.actor,
            "reason": entry and entry.reason,
            "trained_on": found.trained_on and found.trained_on.to_json(),
            "files_missing": not os.path.isdir(folder),  # noqa: PTH112 - raises nothing
        }
    pointed = {"latest": pointers.latest, "pinned": pointers.pinned}
    newest = [] if found.latest is None else [found.latest]
    told = served_state(pointed, served, found.status, newest)
    held = told["held"] if told["held"]["reason"] else None
    latest = None
    if found.latest is not None:
        fields = ("version", "state", "reason")
        latest = {name: getattr(found.latest, name) for name in fields}
    return {
        "served": told.get("served"),
        "latest": latest,
        "held": held,
        "adoption": adoption_json(found.adoption),
        "rollback": found.rollback and rollback_json(found.rollback, found.status),
        "quarantines": quarantines_state(found.quarantines),
    }


def _learner(status: Status | None, settings: Settings) -> State:
    """The learner's last heartbeat, and what state it tells of."""
    told = learner_state(status, settings.late_labels.label_bound, "")
    if status is None or told is None:
        return {"state": "none", "since": None}
    beat = status.status
    gone = told["heartbeat_age"] > MISSED_SECONDS and _is_gone(status.owner)
    alive = told["alive"] and not gone
    if told["refused"]:
        state, since = "refusing", iso(status.at)
    elif alive and told["waiting_for"]:
        state, since = "waiting", told["waiting_since"]
    elif alive:
        state, since = "running" if "events" in beat else "starting", None
    else:
        state, since = "silent" if beat.get("alive", True) else "stopped", iso(status.at)
    rest = {name: value for name, value in told.items() if name not in ELSEWHERE}
    rest |= {name: text for name, text in beat.items() if name.endswith(("_trouble", "_advice"))}
    if not alive:  # its disk may be free again, and what it did each second is over
        rest |= {"disk_trouble": "", "events_per_second": 0.0}
    first = {"state": state, "since": since, "heartbeat_at": iso(status.at), "process_gone": gone}
    return first | rest


def _is_gone(owner: str) -> bool:
    """Whether a process was of this machine and runs no more; of another machine nobody knows."""
    found = _OWNER.fullmatch(owner)
    if found is None or found["host"] != socket.gethostname():
        return False
    try:
        os.kill(int(found["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it runs, as another user
        return False
    return False


def _stream(measured: Mapping[str, Any]) -> State:
    """Stream time, and how far it is behind the clock."""
    moment = measured.get("stream_time") or 0
    if not moment:
        return {"time": None, "behind_seconds": None, "jump": None}
    at = datetime.fromtimestamp(moment / 1000, UTC)
    behind = round((utc_now() - at).total_seconds(), 3)
    return {"time": iso(at), "behind_seconds": behind, "jump": measured.get("stream_time_jump")}


def _partitions(state: str, beat: Mapping[str, Any], point: Checkpoint | None) -> State:
    """The next offset of each partition; only a learner that runs knows what is left to read."""
    positions: dict[str, int] = dict(beat.get("positions") or {})
    if not positions and point is not None:
        for topic, offsets in point.start.positions.items():
            positions |= {f"{topic}:{partition}": at for partition, at in offsets.items()}
    lag = beat.get("lag", {}) if state == "running" else {}
    found = []
    for place in sorted(positions.keys() | lag.keys()):
        topic, _, partition = place.rpartition(":")
        known = {"position": positions.get(place), "lag": lag.get(place)}
        found.append({"topic": topic, "partition": int(partition), **known})
    return {"partitions": found, "lag_records": sum(lag.values()) if lag else None}


def _by_column(measured: Mapping[str, Any], name: str) -> dict[str, int]:
    """The count of such cells by column, the largest first."""
    found: dict[str, int] = (measured.get("cells") or {}).get(name) or {}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _checkpoint(point: Checkpoint, beat: Mapping[str, Any], settings: Settings) -> State:
    folder = Path(settings.snapshots) / point.snapshot.folder
    size = None
    with suppress(OSError):
        size = sum(entry.stat().st_size for entry in os.scandir(folder))
    return {
        "at": iso(point.created_at),
        "serial": point.serial,
        "version": point.version,
        "lineage": point.lineage,
        "folder": str(folder),
        "bytes": size,
        "trouble": beat.get("checkpoint_trouble", ""),
    }


def _of_served(served: State | None, measured: Mapping[str, Any]) -> State | None:
    """The same of the version that is served; None where the learner has not scored with it."""
    how = (served or {}).get("measured_as")
    if how == PINNED:
        return _measures((measured.get("contenders") or {}).get(PINNED) or {})
    return _measures(measured) if how == LEARNER else None


def _measures(measured: Mapping[str, Any]) -> State | None:
    """The measures of the newest labels, by the learner's scores."""
    window = measured.get("window") or {}
    return {name: window.get(name) for name in MEASURES} if window.get("count") else None


def _disks(settings: Settings) -> Iterator[State]:
    """Each disk that a learner on this machine writes to, by its first folder."""
    disks: dict[int, list[Path]] = {}
    for folder in settings.written_folders:
        with suppress(OSError):
            disks.setdefault(folder.stat().st_dev, []).append(folder)
    for folders in disks.values():
        with suppress(OSError):
            disk = os.statvfs(folders[0])
            free = disk.f_bavail * disk.f_frsize
            yield {
                "folder": str(folders[0]),
                "free_bytes": free,
                "trouble": unwritable(*folders),
            }
