"""The state of server, model and learner as Prometheus' gauges, beside the server's counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from learners.evaluation.labelled_examples import PINNED, SERVED
from learners.evaluation.served_lag import REMEMBERED
from learners.registry.requests.states import UNDER_WAY
from learners.report.served_version import LEARNER

State = dict[str, Any]
# Gauges without labels, by the part of the state: name, key, value if there is none, meaning.
GAUGES: dict[str, list[tuple[str, str, float | str | None, str]]] = {
    "served": [
        ("served_version", "version", None, "Version that this process serves."),
    ],
    "held": [("version_held", "reason", None, "Whether the newest version is held back.")],
    "pointers": [
        ("serving_version", "serving", None, "Version to be served."),
        ("latest_version", "latest", None, "The learner's newest version."),
        ("pinned", "pinned", None, "Whether the served version is pinned."),
    ],
    "registry": [("registry_up", "reachable", None, "Whether the registry answers.")],
    "learner": [
        ("learner_up", "up", False, "Whether the learner is alive and can save what it learns."),
        (
            "learner_refusing_config",
            "refused",
            "",
            "Whether it refuses its config and does not run.",
        ),
        ("learner_waiting", "waiting_for", "", "Whether it waits for log, registry or disk."),
        ("learner_checkpoint_failing", "checkpoint_trouble", "", "Whether its last one failed."),
        (
            "learner_rejecting",
            "rejected_trouble",
            "",
            "Whether it refuses many rows.",
        ),
        ("learner_unseen", "unseen_trouble", "", "Whether many values of a column are unseen."),
        ("learner_absent", "absent_trouble", "", "Whether a column has no value in any row."),
        ("learner_expiring", "expiry_trouble", "", "Whether many events or labels expire."),
        ("learner_repeating", "repeated_trouble", "", "Whether many events are duplicates."),
        (
            "learner_reader_gains_nothing",
            "processes_trouble",
            "",
            "Whether its reader process gains nothing.",
        ),
        ("learner_disk_full", "disk_trouble", "", "Whether a disk is full or read-only."),
        ("labels_waiting", "labels_waiting", None, "Labels that wait for their event."),
        ("labels_limit", "labels_limit", None, "How many labels may wait for their event."),
        ("labels_crowded_out", "labels_crowded_out", None, "Labels evicted at that limit."),
        ("learner_heartbeat_age_seconds", "heartbeat_age", None, "Seconds since its heartbeat."),
        ("learner_events_per_second", "events_per_second", None, "Event rows a second."),
    ],
}
# Metrics of progressive validation, and the views of them, by their names in the report.
MEASURES = (
    *("log_loss", "auc", "pr_auc", "brier", "ece", "accuracy", "lift"),
    *("base_rate", "base_rate_log_loss"),
)
CELLS = {
    "absent": "Cells of event rows without a value, over the lineage.",
    "unseen": "Cells of event rows with a value that their column does not list, over the lineage.",
}
# Of a replay that is under way: name, key, meaning.
PROGRESS = (
    ("rollback_rows_read", "rows", "Rows that the replay has read again."),
    ("rollback_rows", "of", "Rows that it has to read again, those in quarantine too."),
    ("rollback_seconds_left", "seconds_left", "How long the rest takes at the pace so far."),
)
VIEWS = ("window", "recent", "faded")
DECISIONS = ("served", "never", "always", "static")
WITHOUT_SERVED = {"served": LEARNER}
# The measures that may be of what is served: under which name, and what the state calls them.
SERVED_AS = {"live": LEARNER, PINNED: PINNED}
# Contenders that are no shadows: the learner itself has them.
NO_SHADOWS = {"base_rate", "raw", PINNED, SERVED}
# How old what callers were given was: name, key of the mean and of the most, meaning.
LAGS = (
    ("examples", ("lessons_mean", "lessons_max"), "Examples that it was behind the learner."),
    ("seconds", ("seconds_mean", "seconds_max"), "How long ago it was made."),
)


class Gauges(Collector):
    """A state as Prometheus' gauges."""

    def __init__(self, state: State) -> None:
        self._state = state

    def collect(self) -> Iterator[Metric]:
        """One family for each known value."""
        for part, gauges in GAUGES.items():
            known = self._state.get(part) or {}
            for name, key, default, meaning in gauges:
                value = known.get(key, default)
                if value is not None:
                    number = bool(value) if isinstance(value, str) else value
                    yield _family(name, meaning, (), [((), number)])
        learner, metrics = self._state.get("learner") or {}, self._state.get("metrics") or {}
        lag = ((place.rpartition(":")[::2], n) for place, n in learner.get("lag", {}).items())
        unread = "Records that the learner has yet to read."
        yield _family("learner_lag_records", unread, ("topic", "partition"), lag)
        counts = (((name,), n) for name, n in learner.get("counts", {}).items())
        yield _family("learner_rows", "Rows by outcome, over the lineage.", ("count",), counts)
        refused = (
            ((kind, reason), count)
            for kind, reasons in metrics.get("rejected_reasons", {}).items()
            for reason, count in reasons.items()
        )
        yield from _learners_place(self._state)
        meaning = "Refused rows by reason, over the lineage."
        yield _family("learner_rejected_rows", meaning, ("kind", "reason"), refused)
        yield from (*_cells(metrics), *_given(metrics.get(REMEMBERED) or {}))
        for name in MEASURES:
            yield _family(name, f"Progressive {name}.", ("learner", "over"), _views(metrics, name))
        served = (self._state.get("served") or {}).get("measured_as")
        meaning = "Whether these measures are those of the served version."
        measured = (((each,), served == of) for each, of in SERVED_AS.items())
        yield _family("served_measured", meaning, ("learner",), measured)
        value = metrics.get("value") or {}
        # While something else is served, these are the learner's decisions and no more.
        names = {each: each for each in DECISIONS} | ({} if served == LEARNER else WITHOUT_SERVED)
        values = (((name,), value.get(each)) for each, name in names.items())
        yield _family("value", "Value of decisions, over the lineage.", ("decisions",), values)
        failed = metrics.get("shadow_troubles") or {}
        shadows = sorted({*failed, *(metrics.get("contenders") or {})} - NO_SHADOWS)
        troubles = (((shadow,), shadow in failed) for shadow in shadows)
        meaning = "Whether a shadow has failed and is no longer scored."
        yield _family("shadow_failed", meaning, ("shadow",), troubles)


def _learners_place(state: State) -> Iterator[Metric]:
    """Where the learner is in the stream, and whether it is to go back to a version."""
    time = (state.get("metrics") or {}).get("stream_time")
    meaning = "Stream time, in seconds since 1970: the latest record time taken."
    yield _family("stream_time_seconds", meaning, (), [((), time / 1000 if time else None)])
    if "rollback" in state:
        told = (state["rollback"] or {}).get("state")
        under_way = "Whether the learner is being rolled back."
        yield _family("rollback_under_way", under_way, (), [((), told in UNDER_WAY)])
        failed = "Whether the last rollback of the learner failed."
        yield _family("rollback_failed", failed, (), [((), told == "failed")])
        progress = (state["rollback"] or {}).get("progress") or {}
        for name, key, meaning in PROGRESS:
            yield _family(name, meaning, (), [((), progress.get(key))])
    if "quarantines" in state:
        in_force = "Quarantines in force: what nobody learns who reads the log again."
        yield _family("quarantines", in_force, (), [((), len(state["quarantines"]))])


def _family(
    name: str,
    meaning: str,
    labels: Sequence[str],
    values: Iterable[tuple[Sequence[str], float | None]],
) -> Metric:
    """A gauge with a value for each combination of labels that has one."""
    family = GaugeMetricFamily(f"freshet_{name}", meaning, labels=labels)
    for label_values, value in values:
        if value is not None:
            family.add_metric(label_values, float(value))
    return family


def _cells(metrics: State) -> Iterator[Metric]:
    """How many cells were absent and unseen, by column."""
    for name, meaning in CELLS.items():
        found = (metrics.get("cells") or {}).get(name, {})
        columns = (((column,), count) for column, count in found.items())
        yield _family(f"learner_{name}_cells", meaning, ("column",), columns)


def _given(remembered: State) -> Iterator[Metric]:
    """How old the versions were whose scores callers were given, and what is not believed."""
    lag = remembered.get("lag") or {}
    for unit, keys, meaning in LAGS:
        values = (((of,), lag.get(key)) for of, key in zip(("mean", "max"), keys, strict=True))
        said = f"Of the version that gave a remembered score. {meaning}"
        yield _family(f"served_lag_{unit}", said, ("of",), values)
    ignored = (((why,), count) for why, count in (remembered.get("ignored") or {}).items())
    meaning = "Records whose remembered scores are ignored, over the lineage."
    yield _family("served_scores_ignored", meaning, ("reason",), ignored)


def _views(metrics: State, name: str) -> Iterator[tuple[Sequence[str], float | None]]:
    """One metric of the learner's score and of what it is compared with, over each view."""
    for learner, report in _measured(metrics).items():
        yield (learner, "all"), report.get(name)
        for view in VIEWS:
            yield (learner, view), (report.get(view) or {}).get(name)


def _measured(metrics: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The metrics of the learner's score, of the frozen copy, and of the others by their names."""
    return {
        "live": metrics,
        "static": metrics.get("static") or {},
        **(metrics.get("contenders") or {}),
    }
