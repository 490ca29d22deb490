"""The screen of ``freshet status``: what a person should look at, then the state, a line each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from converters.cells.escaping import quoted
from converters.show.stream_time import lasting
from converters.show.tables import counted
from learners.report.served_version import LEARNER

State = dict[str, Any]

# The rest of a long text, such as the keys in which a config differs, is in the JSON document.
LONGEST = 300
REST = "(More with --json.)"
# How many partitions, reasons and columns a line names.
NAMED = 4
# The counts of events that are always shown, and of labels.
EVENTS = ("learned", "waiting", "expired", "scored_only", "rejected", "duplicates")
LABELS = ("joined", "waiting", "late", "expired", "rejected", "duplicates")
# Shown if there are any.
QUARANTINED = "quarantined"
STATES = {
    "unknown": "unknown",
    "none": "none has run yet",
    "starting": "starting",
    "running": "running",
    "waiting": "waiting",
    "refusing": "not running: it refuses its config",
    "stopped": "stopped",
    "silent": "not running, or hanging",
}
# Those in which nothing goes on before somebody starts it.
IDLE = frozenset({"none", "refusing", "stopped", "silent"})


def screen(state: State) -> Iterator[str]:
    """The lines, warnings first."""
    warnings = state["warnings"]
    if warnings:
        yield f"{state['model']}: {counted(len(warnings), 'warning', 'warnings')}"
    else:
        yield f"{state['model']}: nothing needs attention"
    for warning in warnings:
        yield f"! {_cut(warning['text'])}"
        yield f"  -> {warning['do']}"
    yield ""
    for name, text in _lines(state):
        if text:
            yield f"{name:<11}{text}"


def _lines(state: State) -> Iterator[tuple[str, str]]:
    yield "Log", state["log"]
    yield "Served", _served(state)
    yield "Learner", _learner(state["learner"], state["at"])
    yield "Rollback", _rollback(state["rollback"], state["learner"]["state"])
    yield "Quarantine", _quarantines(state["quarantines"])
    yield "Stream", _stream(state["stream"])
    yield "Positions", _positions(state)
    counts = state["counts"]
    if counts.get("events"):
        yield "Events", _counts(counts, "events", "", EVENTS)
    if counts.get("labels") or counts.get("labels_waiting"):
        yield "Labels", _counts(counts, "labels", "labels_", LABELS)
    for kind, reasons in state["rejected_reasons"].items():
        yield "Rejected", reasons and f"{kind}: {_named(reasons)}"
    yield "Unseen", _named(state["unseen"])
    yield "Absent", _named(state["absent"])
    if state["registry"]["reachable"]:
        yield "Checkpoint", _checkpoint(state["checkpoint"], state["at"])
    disks = (f"{_size(disk['free_bytes'])} free in {disk['folder']}" for disk in state["disks"])
    yield "Disks", ", ".join(disks)
    yield from _measured(state)
    yield "Given", " ".join(state["given"])
    yield "Next", state["next"]


def _served(state: State) -> str:
    served = state["served"]
    if served is None:
        return "no version yet" if state["registry"]["reachable"] else "unknown"
    how = "pinned" if served["pinned"] else "following the learner"
    said = f"version {served['version']}, {how}"
    if served["since"]:
        said += f", since {_when(served['since'], state['at'])}"
    if served["by"]:
        reason = f": {quoted(served['reason'])}" if served["reason"] else ""
        said += f", by {served['action']} of {served['by']}{reason}"
    trained = served["trained_on"] or {}
    if trained.get("from_files"):
        said += f"; trained on {counted(trained['examples'], 'example', 'examples')}"
        said += f", {trained['from_files']:,} of them from a file"
    if state["latest"] and state["latest"]["version"] != served["version"]:
        said += f"; the learner's newest is {state['latest']['version']}"
    if state["adoption"]:
        said += f"; the learner has still to take version {state['adoption']['version']}"
    return said


def _rollback(rollback: State | None, learner: str) -> str:
    """What the learner is to go back to, and what that waits for."""
    if rollback is None or rollback["state"] == "failed":  # a warning already
        return ""
    said = f"{rollback['rollback']}: the learner goes back to version {rollback['version']}, "
    begun = rollback["state"] != "asked"
    if begun:
        progress = rollback["progress"]
        said += rollback["state"] + (f": {_progress(progress)}" if progress else "") + "; "
    said += f"asked by {rollback['actor']}: {quoted(rollback['reason'])}"
    if learner in IDLE:
        said += f"; it {'goes on with' if begun else 'waits for'} the learner's next start"
    return said


def _progress(progress: State) -> str:
    """How much of the log was read again, and how long the rest takes."""
    share = int(100 * progress["share"])
    said = f"{progress['rows']:,} of {counted(progress['of'], 'row', 'rows')} ({share} %)"
    left = progress["seconds_left"]
    return said + ("" if left is None else f", {lasting(1000 * left)} left")


def _quarantines(quarantines: Sequence[State]) -> str:
    """What nobody learns who reads the log again."""
    named = [
        f"{each['quarantine']}: {counted(each['offsets'], 'offset', 'offsets')}"
        f"{_corrected(each['corrected'])}, by {each['actor']}: {quoted(each['reason'])}"
        for each in quarantines[-NAMED:]
    ]
    more = len(quarantines) - NAMED
    return "; ".join([*named, f"{more} more"] if more > 0 else named)


def _corrected(rows: int) -> str:
    return f" ({counted(rows, 'row', 'rows')} of it corrected)" if rows else ""


def _learner(learner: State, now: str) -> str:
    said = STATES[learner["state"]]
    if learner["since"]:
        said += f" since {_when(learner['since'], now)}"
    if learner["state"] == "running":
        said += f", {learner['events_per_second']:,.0f} events/s"
        said += f", heartbeat {learner['heartbeat_age']:.0f} s ago"
    if learner.get("owner"):
        said += f"; {learner['owner']}"
    return said + (f". {learner['older_readings']}" if learner["older_readings"] else "")


def _stream(stream: State) -> str:
    behind = stream["behind_seconds"]
    if behind is None:
        return ""
    side = "behind" if behind >= 0 else "ahead of"
    return f"at {stream['time']}, {lasting(1000 * abs(behind))} {side} the clock"


def _positions(state: State) -> str:
    """The partitions that lag most."""
    places = sorted(state["partitions"], key=lambda place: -(place["lag"] or 0))
    if not places:
        return ""
    known = state["lag_records"] is not None
    lag = f"lag {state['lag_records']:,}" if known else "lag unknown while no learner reads"
    named = (
        f"{place['topic']}:{place['partition']} at {_number(place['position'])}"
        + (f" (lag {place['lag']:,})" if place["lag"] else "")
        for place in places[:NAMED]
    )
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return f"{lag}: {', '.join(named)}{more}"


def _counts(counts: Mapping[str, int], total: str, prefix: str, names: Sequence[str]) -> str:
    if counts.get(prefix + QUARANTINED):
        names = (*names, QUARANTINED)
    parts = (f"{counts.get(prefix + name, 0):,} {name.replace('_', ' ')}" for name in names)
    return f"{counts.get(total, 0):,}: {', '.join(parts)}"


def _named(counts: Mapping[str, int]) -> str:
    """The largest counts with their reasons or columns."""
    shown = [f"{quoted(name)} {count:,}" for name, count in list(counts.items())[:NAMED]]
    more = [f"{len(counts) - NAMED} more"] if len(counts) > NAMED else []
    return ", ".join(shown + more)


def _checkpoint(point: State | None, now: str) -> str:
    if point is None:
        return "none yet"
    version = f"version {point['version']}" if point["version"] else "no version"
    size = "files missing" if point["bytes"] is None else _size(point["bytes"])
    return f"{_when(point['at'], now)}, {version}, {size}"


def _measured(state: State) -> Iterator[tuple[str, str]]:
    """The figures of what is served; where that is not the learner's model, the learner's too."""
    served, learners = state["served"], _measures(state["measures"])
    if not learners or served is None or served["measured_as"] == LEARNER:
        yield "Measured", learners
        return
    own = _measures(state["served_measures"])
    number = f"version {served['version']}"
    no_label = "no label of an event since its pin has come."
    yield "Measured", f"{number}: {own or 'not measured: ' + (served['why'] or no_label)}"
    yield "", f"the learner, not served: {learners}"


def _measures(measures: State | None) -> str:
    if measures is None:
        return ""
    auc = "" if measures["auc"] is None else f", AUC {measures['auc']:.3f}"
    base = measures["base_rate_log_loss"]
    against = "" if base is None else f" against {base:.3f} of the base rate"
    loss = f"log loss {measures['log_loss']:.3f}{against}{auc}"
    return f"{loss}, over the newest {counted(measures['count'], 'label', 'labels')}"


def _number(value: int | None) -> str:
    return "an unknown place" if value is None else f"{value:,}"


def _cut(text: str) -> str:
    """The first sentences of a text, whole; of a very long one its first words."""
    line = " ".join(text.split())
    if len(line) <= LONGEST:
        return line
    sentences, stop, _ = line[:LONGEST].rpartition(". ")
    if stop:
        return f"{sentences}. {REST}"
    words, blank, _ = line[:LONGEST].rpartition(" ")
    return f"{words if blank else line[:LONGEST]} … {REST}"


def _when(moment: str, now: str) -> str:
    """A moment to the second, and how long ago it was."""
    ago = (datetime.fromisoformat(now) - datetime.fromisoformat(moment)).total_seconds()
    return f"{moment[:19]}Z ({lasting(1000 * max(0.0, ago))} ago)"


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}"
        size /= 1000
    return f"{size:,.1f} TB"
