"""Versions and ledger entries as JSON and as tables: what ``models``, ``show``, ``history`` print.

The HTTP routes of the same names print the same JSON.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from learners.registry.row_types import Adoption, Entry, Pointers, Rollback, Version, iso
from learners.report.served_version import held
from learners.snapshots.store import SnapshotStore

if TYPE_CHECKING:  # the second imports the evaluation
    from rich.console import Console

    from learners.report.ancestry import Ancestry, TrainedOn
    from learners.versions.promotion import Promoted


# The counts that a list of versions has.
COUNTED = ("events", "learned", "rejected", "labels_rejected")


def version_json(
    version: Version,
    trained_on: TrainedOn,
    pointers: Pointers | None = None,
    adoption: Adoption | None = None,
) -> dict[str, Any]:
    """A version as ``models --json`` lists it.

    Args:
        version: any.
        trained_on: the examples behind its weights.
        pointers: if given, it is told whether the version is served now.
        adoption: if given, it is told of its version how the learner is to take it.
    """
    serving = {} if pointers is None else {"serving": pointers.serving == version.version}
    adopted: dict[str, Any] = {}
    if adoption is not None and adoption.version == version.version:
        adopted["adoption"] = adoption.kind
    return {
        "version": version.version,
        "parent": version.parent_version,
        "state": version.state,
        "reason": version.reason,
        **serving,
        **adopted,
        "ever_served": version.served,
        "lineage": version.lineage,
        "model_sha256": version.model_sha256,
        "learner": {"kind": version.learner["kind"], "args": version.learner["args"]},
        "schema_hash": version.schema_hash,
        "positions": version.start.positions,
        **{name: version.events.get(name, 0) for name in COUNTED},
        "trained_on": trained_on.to_json(),
        "created_at": iso(version.created_at),
        "metrics": _shortly(version.metrics) | {"window": _shortly(version.metrics.get("window"))},
    }


def _shortly(metrics: Mapping[str, Any] | None) -> dict[str, Any]:
    """The measures by which versions are distinguished."""
    names = ("count", "log_loss", "auc", "base_rate")
    return {name: (metrics or {}).get(name) for name in names}


def full_json(
    version: Version, trained_on: TrainedOn, snapshots: SnapshotStore, weights: int
) -> dict[str, Any]:
    """A version as ``show --json`` prints it; without manifest and weights if it was thinned."""
    content = version_json(version, trained_on) | {
        "counts": version.events,
        "metrics": version.metrics,
        "learner": version.learner,
        "manifest": None,
        "largest_weights": {},
    }
    if version.state == "thinned":
        return content
    manifest = snapshots.manifest(version.snapshot)
    kept = ("files", "packages", "expected", "converter", "lineage", "parent")
    return content | {
        "manifest": {name: manifest.get(name) for name in kept},
        "largest_weights": largest_weights(version, snapshots, manifest["expected"], weights),
    }


def largest_weights(
    version: Version, snapshots: SnapshotStore, rows: Sequence[dict[str, Any]], most: int
) -> dict[str, float]:
    """The largest weights among the features of the snapshot's sample rows, largest first.

    A hashed model does not know its features' names, so they come from the rows it keeps.
    """
    from learners import choose
    from learners.learner import MODEL_FILE
    from learners.versions.served_learner import spec_of

    with snapshots.open(version.snapshot, only={MODEL_FILE}) as snapshot:
        lines = [row["text"] for row in rows]
        found = choose.weights_in(spec_of(version.learner), snapshot.path / MODEL_FILE, lines)
    ordered = sorted(found.items(), key=lambda item: (-abs(item[1]), item[0]))
    return dict(ordered[:most])


def entry_json(entry: Entry) -> dict[str, Any]:
    """A line of the ledger."""
    return {
        "seq": entry.seq,
        "at": iso(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "reason": entry.reason,
        "version": entry.version,
        "from": entry.from_version,
        "to": entry.to_version,
        "detail": entry.detail,
    }


CREATED, STATE = "created (UTC)", "state"
# What may fold where there is little room.
FOLDED = ("reason", "actor", CREATED, STATE)
# What is read from a pipe or a file need not fit a terminal.
PIPED_WIDTH = 100


def versions_table(versions: Sequence[Version], pointers: Pointers, ancestry: Ancestry) -> None:
    """Print the versions for a person."""
    rows = []
    for v in versions:
        marks: list[str] = [v.state]
        marks += [name for name in ("serving", "latest") if getattr(pointers, name) == v.version]
        marks += ["held back"] if held(v) else []
        marks += ["(pinned)"] if "serving" in marks and pointers.pinned else []
        views = v.metrics, v.metrics.get("window") or {}
        measured = [view.get(name) for view in views for name in ("log_loss", "auc")]
        rows.append(
            (
                str(v.version),
                f"{ancestry.trained_on(v).examples:,}",
                _rejected(v),
                *("-" if m is None else f"{m:.4f}" for m in measured),
                f"{v.created_at:%Y-%m-%d %H:%M:%S}",
                " ".join(marks),
            )
        )
    measures = ("log\nloss", "AUC", "recent\nlog loss", "recent\nAUC")
    _print_table(("version", "learned", "rejected", *measures, CREATED, STATE), rows)


def window_words(versions: Sequence[Version]) -> str:
    """What the recent figures of a table of versions are over; nothing without labels."""
    most = max(((v.metrics.get("window") or {}).get("count") or 0 for v in versions), default=0)
    return f"Recent: the last labels before each version, {most:,} at most." if most else ""


def files_words(versions: Sequence[Version], ancestry: Ancestry) -> str:
    """What of the learned examples of a table of versions came from files; nothing if none did."""
    found: dict[int, list[int]] = {}
    for version in versions:
        count = ancestry.trained_on(version).from_files
        found.setdefault(count, []).append(version.version)
    found.pop(0, None)
    each = [
        f"{count:,} of {'version' if len(of) == 1 else 'versions'} {', '.join(map(str, of))}"
        for count, of in found.items()
    ]
    if not each:
        return ""
    return f"Learned: the examples behind the weights, from files {'; '.join(each)}."


def pointers_json(pointers: Pointers, adoption: Adoption | None) -> dict[str, Any]:
    """What is served, for scripts."""
    return {
        "serving": pointers.serving,
        "latest": pointers.latest,
        "pinned": pointers.pinned,
        "changed": not pointers.unchanged,
        "adoption": adoption_json(adoption),
        "message": served_words(pointers, adoption),
    }


def adoption_json(adoption: Adoption | None) -> dict[str, Any] | None:
    """The version that the learner has still to take, and how; None if there is none."""
    return None if adoption is None else {"version": adoption.version, "kind": adoption.kind}


def served_words(pointers: Pointers, adoption: Adoption | None) -> str:
    """What is served, and what the learner is to take, for a person."""
    if pointers.serving is None:
        return "No version is served yet; the learner's first will be."
    pinned = "pinned (unpin to follow the learner)" if pointers.pinned else "following the learner"
    already = "Nothing changed: version" if pointers.unchanged else "Version"
    now = "already is" if pointers.unchanged else "is"
    said = [f"{already} {pointers.serving} {now} served, {pinned}."]
    if pointers.latest is not None:
        said.append(f"The learner's newest is {pointers.latest}.")
    if adoption is not None:
        what = "the state" if adoption.kind == "whole" else "the weights"
        said.append(f"The learner has still to take {what} of version {adoption.version}.")
    return " ".join(said)


def promoted_json(promoted: Promoted, adoption: Adoption | None) -> dict[str, Any]:
    """A promotion, for scripts."""
    return pointers_json(promoted.pointers, adoption) | {
        "compared": promoted.compared.to_json(),
        "overridden": list(promoted.overridden),
    }


def promoted_words(promoted: Promoted, adoption: Adoption | None) -> str:
    """A promotion, for a person; the last sentences say what is served."""
    said = [f"Overridden: {'; '.join(promoted.overridden)}."] * bool(promoted.overridden)
    said += [promoted.compared.words()] * bool(promoted.compared.words())
    return "\n".join([*said, served_words(promoted.pointers, adoption)])


def _rejected(version: Version) -> str:
    """How many rows were, and how many labels, which only late ones are counted as."""
    rows, labels = (version.events.get(name, 0) for name in ("rejected", "labels_rejected"))
    return f"{rows:,}" + (f" + {labels:,} labels" if labels else "")


def ledger_table(entries: Sequence[Entry]) -> None:
    """Print the ledger for a person."""
    rows = [
        (
            iso(e.at),
            _who(e),
            e.action,
            "" if e.version is None else str(e.version),
            f"{e.from_version or '-'} -> {e.to_version or '-'}",
            _why(e),
        )
        for e in entries
    ]
    _print_table(("at", "actor", "action", "version", "serving", "reason"), rows)


def rollbacks_table(every: Sequence[Rollback]) -> None:
    """Print the rollbacks of a learner for a person."""
    rows = [
        (
            str(each.number),
            iso(each.at),
            each.actor,
            str(each.version),
            each.learner,
            each.state,
            "-" if each.made is None else str(each.made),
            each.reason + (f" ({each.words})" if each.words else ""),
        )
        for each in every
    ]
    names = ("rollback", "at", "actor", "version", "learner", STATE, "made", "reason")
    _print_table(names, rows, ("actor", "reason"))  # a state is one word


def _why(entry: Entry) -> str:
    """The reason; with what a forced promotion overrode, and the quarantine that it is about."""
    overridden, number = entry.detail.get("overridden"), entry.detail.get("quarantine")
    more = f" (forced: {'; '.join(overridden)})" if overridden else ""
    return f"{entry.reason}{more}" + (f" (quarantine {number})" if number else "")


def _who(entry: Entry) -> str:
    """The actor; of a call over HTTP also from where it came, and whose server answered it."""
    by = entry.detail.get("by", {})
    if by.get("kind") != "http":
        return entry.actor
    return f"{entry.actor} from {by['peer']}, by {by['user']}@{by['host']}"


def _print_table(
    names: Sequence[str], rows: Sequence[Sequence[str]], folded: Sequence[str] = FOLDED
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # Narrow enough for 80 columns; only what may fold is folded, and no figure is ever cut.
    table = Table(box=SIMPLE_HEAD, show_edge=False, padding=0)  # a blank between two columns
    for name in names:
        table.add_column(name, overflow="fold", no_wrap=name not in folded)
    for row in rows:
        table.add_row(*map(Text, row))  # as Text, nothing in a reason is markup
    console().print(table)


def console() -> Console:
    """Standard output as rich writes to it, as wide as a terminal, or as a pipe needs."""
    from rich.console import Console

    found = Console()
    if not found.is_terminal and "COLUMNS" not in os.environ:
        found.width = PIPED_WIDTH
    return found
