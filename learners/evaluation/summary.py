"""The measures in short: what manifests and heartbeats show.

Reads :mod:`.measures`; :class:`~learners.evaluation.evaluator.Evaluator` hands it out. For each
contender::

    {"count", "positives", "base_rate", "log_loss", "auc", "auc_error", "pr_auc", "pr_auc_error",
     "brier", "ece", "accuracy", "confusion": {"tn", "fp", "fn", "tp"}, "base_rate_log_loss",
     "score_log_loss", "lift", "value", "window": {...}, "recent": {...}, "faded": {...}}

over everything; ``value`` where the configuration has a matrix, ``base_rate_log_loss`` and
``score_log_loss`` over the lessons that this contender has scored too. "score" stands at the top,
with ``decisions`` and all of ``value``; "static" and the other ``contenders`` stand in it.
``recent`` is the window by event time.
"""

from __future__ import annotations

from typing import Any

from learners.evaluation.group_sums import BASE, FIRST_GAP, LOSS, SQUARE
from learners.evaluation.lessons import SCORE, STATIC, Measuring
from learners.evaluation.measures import Contender, Measures
from learners.evaluation.scored import mean
from learners.evaluation.windows import always, base_losses, confusion, lift, never, windowed, worth


def summary(measures: Measures, measuring: Measuring) -> dict[str, Any]:
    """All contenders, ready for JSON; None where undefined."""
    window, by_time = measures.recent.window(), measures.recent.by_time()
    bases, bases_by_time = base_losses(window), base_losses(by_time)
    each: dict[str, Any] = {}
    for name, contender in measures.contenders.items():
        each[name] = cumulative(contender, measuring)
        each[name]["window"] = windowed(window, bases, name, measuring)
        each[name]["faded"] = faded(measures, name)
        each[name]["recent"] = windowed(by_time, bases_by_time, name, measuring)
    top: dict[str, Any] = each.pop(SCORE)
    top["decisions"] = {"threshold": measuring.threshold, "from": measures.decided_from}
    if measuring.value is not None:
        top["value"] = values(measures, measuring)
    if STATIC in each:
        top[STATIC] = each.pop(STATIC)
    return top | {"contenders": each}


def cumulative(contender: Contender, measuring: Measuring) -> dict[str, Any]:
    """One contender over everything."""
    count, positives = contender.counts()
    totals = contender.all.totals()
    log_loss, base = mean(totals[LOSS], count), mean(totals[BASE], count)
    found = {
        "count": count,
        "positives": positives,
        "base_rate": positives / count if count else None,
        "log_loss": log_loss,
        **contender.histogram.measures(),
        "brier": mean(totals[SQUARE], count),
        "ece": mean(sum(map(abs, totals[FIRST_GAP:])), count),
        **confusion(contender.decided()),
        "base_rate_log_loss": base,
        "score_log_loss": mean(contender.served, count),
        "lift": lift(log_loss, base),
    }
    if measuring.value is not None:
        found["value"] = worth(measuring.value, contender.decided_amounts())
    return found


def faded(measures: Measures, name: str) -> dict[str, Any]:
    """One contender with fading weights."""
    contender = measures.contenders[name]
    mixed = contender.histogram.coarsely_mixed()
    found = contender.faded.measures(measures.fading.decay, mixed)
    found["lift"] = lift(found["log_loss"], found["base_rate_log_loss"])
    return found | {"half_life": measures.fading.half_life}


def values(measures: Measures, measuring: Measuring) -> dict[str, Any]:
    """What the served decisions were worth, and what others would have been.

    Returns:
        ``{"served", "never", "always", "static"?, "events", "without_amount"}``; events without an
        amount count for nothing.
    """
    assert measuring.value is not None
    value = measuring.value
    amounts = measures.contenders[SCORE].decided_amounts()
    found: dict[str, Any] = {
        "served": worth(value, amounts),
        "never": worth(value, never(amounts)),
        "always": worth(value, always(amounts)),
    }
    if STATIC in measures.contenders:
        found["static"] = worth(value, measures.contenders[STATIC].decided_amounts())
    decided = measures.count - measures.decided_from
    return found | {
        "events": decided - measures.without_amount,
        "without_amount": measures.without_amount,
    }
