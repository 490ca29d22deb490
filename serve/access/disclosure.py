"""What callers who are no admins are shown of versions, ledger and state.

Not shown are the names of hosts, users and processes, sample rows, and texts that may quote paths,
addresses or exceptions. In their place is a general text, so that what the page says stays true.
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

# Whose reasons were written by a person for others to read; and some that are in fixed words.
REASONED = frozenset(
    {
        *("promote", "rollback", "unpin", "cancel", "resume", "replay", "quarantine", "release"),
        *("correct", "thin", "hold", "adopt", "withdraw", "lost"),
    }
)
# Of versions in these states a reason says why they were held back, and no more.
HELD = frozenset({"candidate", "verified"})
# Of an entry's detail, what names neither host nor folder.
OPEN_DETAIL = frozenset(
    {
        *("latest", "pinned", "checkpoint", "checkpoints", "versions", "lineage", "lineages"),
        *("kind", "adoption", "withdrawn", "overridden", "rollback", "learner", "quarantine"),
    }
)
REFUSED = "It failed a check of its files, its weights or its scores."
SEE_SERVER = "The server's log says why."
SEE_LEARNER = "The learner's log says why."
TROUBLE = f"The version to be served could not be loaded. {SEE_SERVER}"
REGISTRY = f"The registry does not answer. {SEE_SERVER}"
TOKENS = f"The file of tokens cannot be read, so nobody is let in. {SEE_SERVER}"
DISK = "A disk that the learner writes to is full, or cannot be written to."
CONFIG = f"The learner refuses its config. {SEE_LEARNER}"
WAITING = "its log, its registry or a disk. The learner's log says which."
PINNED = f"The learner cannot score with it. {SEE_LEARNER}"
SHADOW = f"It has failed. {SEE_LEARNER}"
# Actors of entries without ``by``, as older releases and the learner write them.
_ACTORS = (
    (re.compile(r"(http|learner|freshet)( .*)?"), r"\1"),
    (re.compile(r"server .*"), "server"),
    (re.compile(r"(\S+) http \S+"), r"\1"),
    (re.compile(r".*, process \d+"), "learner"),
    (re.compile(r".*@.*"), "command line"),
)


def entry_shown(entry: Json) -> Json:
    """A line of the ledger: its actor is a token's name, or a kind of actor."""
    by = entry["detail"].get("by", {})
    return {
        **entry,
        "actor": by.get("token") or by.get("kind") or _kind_of(entry["actor"]),
        "reason": _or_general(entry["reason"], REFUSED, entry["action"] in REASONED),
        "detail": {name: n for name, n in entry["detail"].items() if name in OPEN_DETAIL},
    }


def quarantine_shown(quarantine: Json) -> Json:
    """A quarantine: who added it, and who removed it, are kinds of actors."""
    actors = ((name, quarantine.get(name)) for name in ("actor", "removed_by"))
    return quarantine | {name: _kind_of(actor) for name, actor in actors if actor}


def rollback_shown(rollback: Json) -> Json:
    """A rollback: its actor is a kind of actor."""
    trouble = _or_general(rollback["trouble"], SEE_LEARNER, rollback["state"] == "cancelled")
    return {**rollback, "actor": _kind_of(rollback["actor"]), "trouble": trouble}


def version_shown(version: Json) -> Json:
    """A version, perhaps with its manifest; that has sample rows of those it was trained on."""
    manifest = version.get("manifest")
    shorter = {name: value for name, value in (manifest or {}).items() if name != "expected"}
    return {
        **version,
        **({"manifest": shorter} if manifest else {}),
        "reason": _or_general(version["reason"], REFUSED, version["state"] in HELD),
        "metrics": _measures(version["metrics"]),
    }


def state_shown(state: Json) -> Json:
    """The document of ``/status``, as far as it is known."""
    shown = {**state, "server": {"since": state["server"]["since"]}}
    shown["trouble"] = _or_general(state["trouble"], TROUBLE)
    if state.get("served"):
        hidden = state["pointers"]["pinned"]  # why the learner could not load it
        why = _or_general(state["served"].get("why", ""), PINNED, not hidden)
        shown["served"] = {**state["served"], "why": why}
    registry = state["registry"]
    shown["registry"] = {**registry, "trouble": _or_general(registry["trouble"], REGISTRY)}
    if learner := state.get("learner"):
        shown["learner"] = {
            **{name: value for name, value in learner.items() if name != "owner"},
            "refused": _or_general(learner["refused"], CONFIG),
            "waiting_for": _or_general(learner["waiting_for"], WAITING),
            "checkpoint_trouble": _or_general(learner["checkpoint_trouble"], SEE_LEARNER),
            "disk_trouble": _or_general(learner["disk_trouble"], DISK),
        }
    for name, show in (
        ("versions", version_shown),
        ("history", entry_shown),
        ("quarantines", quarantine_shown),
    ):
        if name in state:
            shown[name] = [show(each) for each in state[name]]
    if state.get("rollback"):
        shown["rollback"] = rollback_shown(state["rollback"])
    if "metrics" in state:
        shown["metrics"] = _measures(state["metrics"])
    return shown


def _measures(metrics: Json) -> Json:
    """Metrics; why a shadow or what is pinned has failed is an exception's text."""
    shown = dict(metrics)
    if failed := metrics.get("shadow_troubles"):
        shown["shadow_troubles"] = dict.fromkeys(failed, SHADOW)
    if pinned := metrics.get("pinned"):
        shown["pinned"] = {**pinned, "trouble": _or_general(pinned["trouble"], PINNED)}
    return shown


def _or_general(text: str, general: str, is_open: bool = False) -> str:
    return text if is_open or not text else general


def _kind_of(actor: str) -> str:
    for pattern, kind in _ACTORS:
        if found := pattern.fullmatch(actor):
            return found.expand(kind)
    return "unknown"
