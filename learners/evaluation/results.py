"""The measures as JSON: :func:`summary` for manifests and heartbeats, :func:`details` for reports.

The summary has for each contender::

    {"count", "positives", "base_rate", "log_loss", "auc", "auc_error", "pr_auc", "pr_auc_error",
     "brier", "ece", "accuracy", "confusion": {"tn", "fp", "fn", "tp"}, "base_rate_log_loss",
     "score_log_loss", "lift", "value", "window": {...}, "recent": {...}, "faded": {...}}

over everything; ``value`` where the configuration has a matrix, ``base_rate_log_loss`` and
``score_log_loss`` over the examples that this contender has scored too. "score" stands at the top,
with ``decisions`` and all of ``value``; "static" and the other ``contenders`` are in it.
``recent`` is the window by event time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from converters.config.learning_settings import ValueSettings
from learners.evaluation.example_costs import (
    BARS,
    BARS_A_BIN,
    BASE,
    FIRST_GAP,
    LOSS,
    SQUARE,
    UNIT,
    mean,
)
from learners.evaluation.group_sums import GroupMeasures, GroupSums, group_measures
from learners.evaluation.groups import AGES_OF_LABELS, BY_LESSONS, PERIODS, Widening, slice_name
from learners.evaluation.histograms import AGES, defined
from learners.evaluation.labelled_examples import SCORE, STATIC, Measuring
from learners.evaluation.measures import Contender, Measures
from learners.evaluation.stretches import Stretch, gaps, stretches
from learners.evaluation.windows import (
    Kept,
    always,
    base_losses,
    confusion,
    lift,
    never,
    value_of,
    windowed,
)
from learners.metrics.metrics import CALIBRATION_BINS, FEWEST_LABELS, FEWEST_OF_A_CLASS


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
        found["value"] = value_of(measuring.value, contender.decided_amounts())
    return found


def faded(measures: Measures, name: str) -> dict[str, Any]:
    """One contender with fading weights."""
    contender = measures.contenders[name]
    mixed = contender.histogram.coarsely_mixed()
    found = contender.faded.measures(measures.fading.decay, mixed)
    found["lift"] = lift(found["log_loss"], found["base_rate_log_loss"])
    return found | {"half_life": measures.fading.half_life}


def values(measures: Measures, measuring: Measuring) -> dict[str, Any]:
    """The value of the served decisions, and of others.

    Returns:
        ``{"served", "never", "always", "static"?, "events", "without_amount"}``; events without an
        amount count for nothing.
    """
    assert measuring.value is not None
    value = measuring.value
    amounts = measures.contenders[SCORE].decided_amounts()
    found: dict[str, Any] = {
        "served": value_of(value, amounts),
        "never": value_of(value, never(amounts)),
        "always": value_of(value, always(amounts)),
    }
    if STATIC in measures.contenders:
        found["static"] = value_of(value, measures.contenders[STATIC].decided_amounts())
    decided = measures.count - measures.decided_from
    return found | {
        "events": decided - measures.without_amount,
        "without_amount": measures.without_amount,
    }


MEANS = (
    "log_loss",
    "base_rate_log_loss",
    "brier",
    "ece",
    "auc",
    "auc_error",
    "pr_auc",
    "pr_auc_error",
)


def details(
    measures: Measures, measuring: Measuring, values: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Everything, ready for JSON; None where undefined."""
    found = summary(measures, measuring)
    for name, contender in measures.contenders.items():
        told = _told(found, name)
        told["calibration"] = calibration(contender)
        told["score_distribution"] = bars(contender)
    found |= {
        "periods": _periods(measures),
        "ages": _ages(measures),
        "by_lessons": _by_lessons(measures),
        "slices": {
            column: _slice(measures, place, values.get(column, ()))
            for place, column in enumerate(measuring.slices)
        },
        "groupings": _groupings(measures, measuring),
        "delays": measures.delays.report(),
    }
    if measuring.value is not None:
        found["thresholds"] = _thresholds(measures.recent.by_time(), measuring, measuring.value)
    return found


def _told(found: dict[str, Any], name: str) -> dict[str, Any]:
    """Where a summary has a contender."""
    if name == SCORE:
        return found
    told: dict[str, Any] = found[STATIC] if name == STATIC else found["contenders"][name]
    return told


def _thresholds(kept: Kept, measuring: Measuring, value: ValueSettings) -> dict[str, Any]:
    # Only reports need it, and it brings the statistics of comparisons with it.
    from learners.comparison.value import value_by_threshold

    scores = kept.scores.get(SCORE, np.zeros(0))
    return value_by_threshold(scores, kept.positive, kept.amounts, value, measuring.confidence)


def _groups(
    measures: Measures,
    grouping: str,
    heads: Sequence[dict[str, Any]],
    joined: Callable[[GroupSums], GroupSums] = lambda sums: sums,
) -> list[dict[str, Any]]:
    """The groups that hold anything: their head, counts, and what each contender has come to."""
    of = {
        name: group_measures(joined(contender.groups[grouping]))
        for name, contender in measures.contenders.items()
        if grouping in contender.groups
    }
    served = of[SCORE]
    return [
        {
            **head,
            "count": int(served.count[row]),
            "positives": int(served.positives[row]),
            **{name: _row(measured, row) for name, measured in of.items() if measured.count[row]},
        }
        for row, head in enumerate(heads)
        if served.count[row]
    ]


def _row(measured: GroupMeasures, row: int) -> dict[str, Any]:
    count = int(measured.count[row])
    means = {name: defined(float(getattr(measured, name)[row])) for name in MEANS}
    return {
        "count": count,
        "base_rate": int(measured.positives[row]) / count,
        **means,
        "lift": lift(means["log_loss"], means["base_rate_log_loss"]),
        **confusion(measured.decisions[row].tolist()),
    }


def _stretches(stretches: Widening) -> list[tuple[int, int]]:
    begins = (stretches.keys * stretches.width).tolist()
    return [(begin, begin + stretches.width) for begin in begins]


def _periods(measures: Measures) -> list[dict[str, Any]]:
    stretches = _stretches(measures.grouped.periods())
    heads = [{"start": begin, "end": end} for begin, end in stretches]
    return _groups(measures, PERIODS, heads)


def curve(measures: Measures) -> dict[str, Any]:
    """The periods for a reader: joined until each holds enough labels, and gaps between them.

    Returns:
        ``{"asked_ms", "measured_ms", "joined", "fewest": {"labels", "of_a_class"}, "gaps":
        [{"start", "end"}], "periods"}``; a period as in the details, and whether it is ``enough``.
    """
    grouped = measures.grouped.periods()
    each = _held(measures)
    found = stretches(each)
    begins = np.array([stretch.begin for stretch in found], dtype=np.int64)
    # One that holds no label any more counts for nothing wherever it goes.
    rows = np.maximum(np.searchsorted(begins, grouped.keys, side="right") - 1, 0)
    heads = [
        {
            "start": stretch.begin * grouped.width,
            "end": stretch.end * grouped.width,
            "enough": stretch.enough(0),
        }
        for stretch in found
    ]
    as_they_are = len(found) == grouped.size
    joined = (lambda sums: sums) if as_they_are else (lambda sums: sums.merged(rows, len(found)))
    return {
        "asked_ms": grouped.first_width,
        "measured_ms": grouped.width,
        "joined": len(found) < len(each),
        "fewest": {"labels": FEWEST_LABELS, "of_a_class": FEWEST_OF_A_CLASS},
        "gaps": [
            {"start": begin * grouped.width, "end": end * grouped.width}
            for begin, end in gaps(found)
        ],
        "periods": _groups(measures, PERIODS, heads, joined) if found else [],
    }


def _held(measures: Measures) -> list[Stretch]:
    """The periods that hold labels."""
    negatives, positives, _ = measures.contenders[SCORE].groups[PERIODS].by_label()
    counts = zip(
        measures.grouped.periods().keys.tolist(),
        negatives.sum(axis=1).tolist(),
        positives.sum(axis=1).tolist(),
        strict=True,
    )
    return [Stretch(key, key + 1, n, p) for key, n, p in counts if n + p]


def _by_lessons(measures: Measures) -> list[dict[str, Any]]:
    stretches = _stretches(measures.grouped.by_lessons())
    return _groups(measures, BY_LESSONS, [{"from": low, "to": high} for low, high in stretches])


def _ages(measures: Measures) -> list[dict[str, Any]]:
    ends = [*AGES[1:], None]
    heads = [{"from_ms": begin, "to_ms": end} for begin, end in zip(AGES, ends, strict=True)]
    return _groups(measures, AGES_OF_LABELS, heads)


def _slice(measures: Measures, place: int, values: Sequence[str]) -> list[dict[str, Any]]:
    name = slice_name(place)
    codes = range(-1, measures.grouped.kinds[name].size - 1)
    texts = [values[code] if 0 <= code < len(values) else None for code in codes]
    heads = [{"code": code, "value": text} for code, text in zip(codes, texts, strict=True)]
    return _groups(measures, name, heads)


def _groupings(measures: Measures, measuring: Measuring) -> dict[str, Any]:
    since = measures.grouped.since
    names = (PERIODS, AGES_OF_LABELS, BY_LESSONS)
    found: dict[str, Any] = {name: {"from_lesson": since[name]} for name in names}
    found[PERIODS]["width"] = measures.grouped.periods().width
    found[BY_LESSONS]["width"] = measures.grouped.by_lessons().width
    # By themselves: a column may be called as one of the others.
    found["slices"] = {
        column: {"from_lesson": since[slice_name(place)]}
        for place, column in enumerate(measuring.slices)
    }
    return found


def calibration(contender: Contender) -> list[dict[str, Any]]:
    """Mean score and share of positives in 15 bins of equal width; None where a bin is empty."""
    negatives, positives = contender.bars.reshape(2, CALIBRATION_BINS, BARS_A_BIN).sum(axis=2)
    gaps = contender.all.totals()[FIRST_GAP:]
    found = []
    for place, (n, p, gap) in enumerate(zip(negatives, positives, gaps, strict=True)):
        count, positive = int(n + p), int(p)
        found.append(
            {
                "from": place / CALIBRATION_BINS,
                "to": (place + 1) / CALIBRATION_BINS,
                "count": count,
                "mean_score": (gap + positive * UNIT) / (count * UNIT) if count else None,
                "positive_share": positive / count if count else None,
            }
        )
    return found


def bars(contender: Contender) -> list[dict[str, Any]]:
    """Positives and negatives by score, in 60 bins of equal width."""
    negatives, positives = contender.bars.tolist()
    return [
        {"from": place / BARS, "to": (place + 1) / BARS, "positives": p, "negatives": n}
        for place, (n, p) in enumerate(zip(negatives, positives, strict=True))
    ]
