"""What in the state of a model a person should look at: in words, with what to do.

Each trouble has a ``kind`` for scripts, a ``text`` and what to ``do``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from converters.show.stream_time import AHEAD_MS
from learners.evaluation.labelled_examples import PINNED
from learners.metrics.metrics import FEWEST_LABELS

State = dict[str, Any]
Trouble = dict[str, str]

START = "Run 'freshet up', or 'freshet learn' where the server is another process."
# What helps against what the learner says in its heartbeat under ``<name>_trouble``.
REMEDIES = {
    "checkpoint": "Nothing is lost: it is tried again. Free disk space, or see the learner's log.",
    "disk": "Free some space, or make the folder writable; the learner resumes by itself.",
    "labels": "Find out who sends labels for ids that no event has.",
    "rejected": "'freshet dead-letters' lists the rows with what helps against each reason.",
    "expiry": "It says what helps; 'Labels are late or expire' in docs/operations.md has more.",
    "repeated": "Find out who sends events again; labels of known events go to the labels topic.",
    "unseen": "Compare the spelling of these columns with that of the rows that were learned.",
    "processes": "Set 'learn.processes = 1' if that stays so: one process takes less memory.",
    "absent": "Find out which producer or client leaves these columns out.",
}
# Fewer labels and events that wait may not have met yet.
LEAST_WAITING = 10
# From how many labels on it is told that all are of one class, or that the learner does worse over
# the newest than the base rate: by how large a part of that one's log loss, which chance alone does
# not reach then.
FEWEST_OF_ONE_CLASS = 100
FEWEST_MEASURED = 1000
WORSE = 0.01
SEE_LOG = "The learner's log says more."


def troubles(state: State, margin: float) -> list[Trouble]:
    """All of them, what stops everything first.

    Args:
        state: the document of :mod:`learners.status.overview`.
        margin: how much higher than the base rate's a log loss may be (``gate.margin``).
    """
    found = [
        *_of_registry(state["registry"], state["model"]),
        *_of_learner(state["learner"]),
        *_of_serving(state),
        *_of_rollback(state["rollback"]),
        *_of_pinned(state, margin),
        *_of_stream(state["stream"]),
        *_of_disks(state["disks"]),
        *_of_joins(state["counts"]),
        *_of_heartbeat(state["learner"], full=any(disk["trouble"] for disk in state["disks"])),
        *_of_labels(state["classes"], None if _replays(state) else state["measures"]),
    ]
    for name, text in state["shadows"].items():
        found.append(_trouble("shadow", f"The shadow '{name}' has failed: {text}", SEE_LOG))
    return found


def not_running(state: State) -> Trouble | None:
    """That no learner runs, of one that was stopped or never started: whoever did so knows it."""
    learner = state["learner"]
    if not state["registry"]["exists"]:
        return None  # which is a warning already
    if learner["state"] == "stopped":
        return _trouble("learner-stopped", f"The learner stopped at {learner['since']}.", START)
    if learner["state"] == "none":
        return _trouble("learner-stopped", "No learner has run yet.", START)
    return None


def _replays(state: State) -> bool:
    """Whether the learner reads the log again: nobody is served what it has so far."""
    rollback = state["rollback"]
    begun = rollback is not None and rollback["state"] in ("claimed", "replaying")
    return begun and rollback["learner"] == "replay"


def _of_rollback(rollback: State | None) -> Iterator[Trouble]:
    if rollback is not None and rollback["state"] == "failed":
        yield _trouble(
            "rollback-failed",
            f"Rollback {rollback['rollback']} of the learner failed. {rollback['trouble']}",
            "'freshet rollback VERSION --learner resume --reason TEXT', or any other choice of "
            "what is served, ends this warning.",
        )


def _of_registry(registry: State, model: str) -> Iterator[Trouble]:
    if not registry["exists"]:
        yield _trouble(
            "no-registry",
            f"{registry['trouble']} Nothing of the model '{model}' is known here.",
            "On a first start, send rows ('freshet produce FILE') and run 'freshet up'. If the "
            "model has run before, check 'home' and 'registry' in the config, or restore a backup.",
        )
    elif not registry["reachable"]:
        yield _trouble(
            "registry",
            registry["trouble"],
            "Serving goes on and a learner waits, until what these words say is over.",
        )


def _of_learner(learner: State) -> Iterator[Trouble]:
    state, since = learner["state"], learner["since"]
    if state == "refusing":
        yield _trouble(
            "learner-refusing",
            f"The learner refuses its config and does not run. {learner['refused']}",
            "'freshet config diff' says what differs, and what to run. Serving goes on.",
        )
    elif state == "waiting":
        yield _trouble(
            "learner-waiting",
            f"The learner has waited since {since}. {learner['waiting_for']}",
            "It resumes by itself, losing nothing, as soon as that is back.",
        )
    elif state == "silent":
        said = f"its last heartbeat came at {since}."
        if learner["process_gone"]:
            yield _trouble(
                "learner-silent",
                f"The learner ({learner['owner']}) was killed; {said}",
                f"{START} It resumes from its last checkpoint; nothing is lost. Its log, or the "
                "system's (out of memory?), may say why it died.",
            )
            return
        yield _trouble(
            "learner-silent",
            f"The learner ({learner['owner']}) is silent; {said}",
            "Look at its log: it was killed, hangs, or cannot reach the registry. Once its process "
            f"is gone, start it again: {START}",
        )


def _of_serving(state: State) -> Iterator[Trouble]:
    held, latest, served = state["held"], state["latest"], state["served"]
    if held:
        yield _trouble(
            "version-held",
            f"Version {held['version']}, the learner's newest, is held back: {held['reason']}",
            "Look at the labels first. 'freshet report' has the figures; 'freshet promote "
            f"{held['version']} --reason TEXT' serves it all the same.",
        )
    elif latest and latest["state"] == "refused":
        yield _trouble(
            "version-refused",
            f"Version {latest['version']}, the learner's newest, was refused: {latest['reason']}",
            "An older one is served. See whether the disk or the memory is damaged.",
        )
    if latest and served is None:
        yield _trouble(
            "nothing-served",
            "There are versions, and none is served: the server answers 503.",
            "'freshet models' lists them; 'freshet promote N --reason TEXT' serves one.",
        )
    if served and served["files_missing"]:
        yield _trouble(
            "version-missing",
            f"The files of version {served['version']}, which is served, are not in the folder of "
            "snapshots: a server that starts now has no model.",
            "Mount or restore 'snapshots', or serve another version: 'freshet rollback N --reason "
            "TEXT'.",
        )


def _of_pinned(state: State, margin: float) -> Iterator[Trouble]:
    """A pinned version's figures, for which no gate looks out; few labels say nothing."""
    served, found = state["served"], state["served_measures"]
    if not served or served["measured_as"] != PINNED or not found:
        return
    above = found["log_loss"] - found["base_rate_log_loss"]
    if found["count"] >= FEWEST_LABELS and above > margin:
        yield _trouble(
            "pinned-worse",
            f"Version {served['version']}, which is pinned and served, has a log loss of "
            f"{found['log_loss']:.3f} over the newest {found['count']:,} labels of events since "
            f"its pin, {above:.3f} above the base rate's.",
            "'freshet report' has its figures beside the learner's; 'freshet unpin --reason TEXT' "
            "serves the learner's newest.",
        )


def _of_stream(stream: State) -> Iterator[Trouble]:
    """A time that no log takes by itself: of a promoted backfill, or of a clock that was wrong."""
    behind = stream["behind_seconds"]
    if behind is not None and behind * 1000 < -AHEAD_MS:
        yield _trouble(
            "stream-ahead",
            f"Stream time is {stream['time']}, over an hour ahead of the clock: rows of now are "
            "taken as old, and wait for their label no longer than that allows.",
            "See whether the machine's clock is right. If rows had wrong times, make the model "
            "anew, of the log ('freshet backfill log --fresh') or of the corrected file.",
        )


def _of_joins(counts: State) -> Iterator[Trouble]:
    """That labels and events wait for each other, and none has met."""
    labels, events = counts.get("labels_waiting", 0), counts.get("waiting", 0)
    if min(labels, events) >= LEAST_WAITING and not counts.get("labels_joined"):
        yield _trouble(
            "ids",
            f"{labels:,} labels wait for an event, {events:,} events wait for a label, and no "
            "label has met its event yet.",
            "Compare their ids: '100001.0' is not '100001' unless the id column has kind = "
            '"integer".',
        )


def _of_disks(disks: list[State]) -> Iterator[Trouble]:
    for text in dict.fromkeys(disk["trouble"] for disk in disks):
        if text:
            yield _trouble("disk", text, REMEDIES["disk"])


def _of_heartbeat(learner: State, *, full: bool) -> Iterator[Trouble]:
    """What the learner says itself; its disk is perhaps one that was found full already."""
    for name, text in sorted(learner.items()):
        kind = name.removesuffix("_trouble")
        if kind != name and text and not (full and kind == "disk"):
            helps = learner.get(f"{kind}_advice")
            if helps:
                yield _trouble(kind, text.removesuffix(helps).rstrip(), helps)
            else:
                yield _trouble(kind, text, REMEDIES.get(kind, SEE_LOG))


def _of_labels(classes: State, newest: State | None) -> Iterator[Trouble]:
    """What the labels so far, and the measures of the newest, say of each other."""
    count, positives = classes["count"], classes["positives"]
    if count >= FEWEST_OF_ONE_CLASS and positives in (0, count):
        which = "positive" if positives else "negative"
        yield _trouble(
            "one-class",
            f"All {count:,} labels so far are {which}: nothing can be learned from one class.",
            "See whether the labels of the other class are sent, and how [label] in the config "
            "reads them: 'freshet check FILE' counts both.",
        )
        return
    if newest is None or newest["count"] < FEWEST_MEASURED:
        return
    loss, base = newest["log_loss"], newest["base_rate_log_loss"]
    if base is not None and loss > (1 + WORSE) * base:
        yield _trouble(
            "worse-than-base-rate",
            f"Over the newest {newest['count']:,} labels the learner's log loss is {loss:.4f}, "
            f"above the {base:.4f} of always saying the base rate.",
            "Look at the labels and at Unseen and Absent first; 'freshet report' says since when. "
            "If the rows are right, try other learner arguments as a shadow.",
        )


def _trouble(kind: str, text: str, do: str) -> Trouble:
    return {"kind": kind, "text": text, "do": do}
