"""Each contender against the learner's score, on the recent lessons: what ``freshet compare`` says.

Reads the window of a checkpoint's evaluation; :mod:`learners.comparison` does the statistics.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from converters.config.settings import Settings
from converters.errors import UsageError
from converters.show.tables import NOTHING, Table, counted, cut, moment, print_table
from learners.comparison.compare import MEASURES, compare
from learners.evaluation.labelled_examples import PINNED, SCORE, SERVED, STATIC
from learners.evaluation.windows import Kept
from learners.registry.row_types import iso
from learners.report.checkpoint_measures import Measured
from learners.report.document import called, replayed_json, trouble_words
from learners.report.render import WIDTH, which
from learners.report.served_version import scores_were_served, served_words

# Why rows of a file of scores are left out.
WHY = {
    "unknown": "of an id that the scores topic does not have",
    "replaced": "of an event that another model scored, which the learner's has replaced since",
    "waiting": "of an event whose label has not come in time",
    "repeated_events": "of an id that several events have",
    "conflicting": "of an id that the file has with different scores",
    "repeated": "repeat an id with the same score",
    "without_score": "without a score or an id that can be read",
}

# As sentences name them; shadows go by the name that the config gives them.
SPOKEN = {
    "base_rate": "the base rate",
    "static": "the frozen copy",
    "raw": "the raw score",
    SERVED: "the score that callers were given over HTTP",
}


def window_of(measured: Measured) -> Kept:
    """The examples of the window, the frozen copy's scores from its freeze on.

    What it is given for events before that is the learner's score, which it does not compare with.
    """
    kept, since = measured.evaluator.window_lessons(), measured.frozen_at
    if since is None or STATIC not in kept.scores:
        return kept
    own = np.where(kept.arrived >= since, kept.scores[STATIC], np.nan)
    return replace(kept, scores=kept.scores | {STATIC: own})


def comparisons(
    settings: Settings, measured: Measured, kept: Kept, against: str | None
) -> dict[str, Any]:
    """All comparisons, or that with one contender, ready for JSON.

    Args:
        settings: the config.
        measured: the checkpoint that is spoken of.
        kept: the examples, of which each has the learner's score and perhaps others.
        against: one contender's name.

    Raises:
        UsageError: there is no contender of this name.
    """
    checkpoint = measured.checkpoint
    about = {
        "model": settings.model,
        "version": checkpoint.version,
        "lineage": checkpoint.lineage,
        "made_at": iso(checkpoint.created_at),
        "served": measured.served.to_json(),
        "pinned": measured.pinned,
        "replayed": replayed_json(measured),
    }
    names = _compared([name for name in kept.scores if name != SCORE], against)
    threshold = measured.evaluator.measuring.threshold
    return {
        **about,
        "window": int(kept.positive.size),
        "confidence": settings.evaluation.confidence,
        "against": SCORE,
        "comparisons": [_one(name, kept, settings, threshold, about) for name in names],
        "trouble": trouble_words(measured.shadows),
    }


def _one(
    name: str, kept: Kept, settings: Settings, threshold: float, about: Mapping[str, Any]
) -> dict[str, Any]:
    """The comparison with one contender, over the examples that both have scored."""
    own, served = kept.scores[name], kept.scores[SCORE]
    confidence = settings.evaluation.confidence
    comparison = compare(
        own, served, kept.positive, kept.amounts, confidence, settings.value, threshold
    )
    arrived = kept.arrived[~(np.isnan(own) | np.isnan(served))]
    since = moment(int(arrived.min())) if arrived.size else None
    words = comparison.words(spoken(name, about), spoken(SCORE, about), since or "")
    return {"name": name, "since": since, **comparison.to_json(), "words": words}


def _compared(others: list[str], against: str | None) -> list[str]:
    """Whom to compare the learner's score with."""
    if against is None:
        return others
    if against in others:
        return [against]
    if against == SCORE:
        raise UsageError(
            "--against score: the learner's score is what all others are compared with; name one "
            f"of them: {', '.join(others) or 'there is none yet'}."
        )
    raise UsageError(
        f"--against {cut(against)}: no contender has this name; available: "
        f"{', '.join(others) or 'none yet'}."
    )


def spoken(name: str, document: Mapping[str, Any]) -> str:
    """A contender in a sentence."""
    if name == SCORE:
        return "the served score" if scores_were_served(document) else "the learner's score"
    if name == PINNED and document["pinned"]:
        return f"the pinned version {document['pinned']['version']}"
    return SPOKEN.get(name, f"'{cut(name)}'")


def show(document: Mapping[str, Any]) -> None:
    """Print comparisons: a table of numbers, then a sentence on each contender."""
    out = sys.stdout
    found = document["comparisons"]
    out.write(f"{title(document)}\n")
    for words in served_words(document):
        out.write(f"{textwrap.fill(words, WIDTH, break_on_hyphens=False)}\n")
    told = file_words(document.get("scores_file"))
    if not document["window"] or not found:
        for words in told:
            out.write(f"{textwrap.fill(words, WIDTH, break_on_hyphens=False)}\n")
        out.write("Nothing to compare yet: no label has been joined to its event.\n")
        return
    print_table(comparison_table(document), out)
    sentences = [_sentence(each["words"]) for each in found]
    for words in (*told, *sentences, *document["trouble"]):
        out.write(f"\n{textwrap.fill(words, WIDTH, break_on_hyphens=False)}\n")


def file_words(found: Mapping[str, Any] | None) -> list[str]:
    """What became of the rows of a file of scores."""
    if found is None:
        return []
    rows, labelled = counted(found["rows"], "row", "rows"), found["labelled"]
    said = f"{cut(Path(found['file']).name)}: {rows}, {labelled:,} of them of events with a label."
    left_out = [
        f"{count:,} {WHY[why]}"
        + (f" ({', '.join(found['examples'][why])})" if found["examples"].get(why) else "")
        for why, count in found["left_out"].items()
        if count
    ]
    return [f"{said} Left out: {'; '.join(left_out)}." if left_out else said]


def title(document: Mapping[str, Any]) -> str:
    """What is compared."""
    return f"Contenders of model '{document['model']}', {which(document)}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def comparison_table(document: Mapping[str, Any]) -> Table:
    """A row for each contender and measure."""
    header = (
        *("", "labels", "measure", "contender", "score", "difference", "interval", "p"),
        "verdict",
    )
    rows = [
        [
            called(each["name"], document),
            f"{each['count']:,}",
            measure.called,
            *_cells(each["differences"][measure.name]),
        ]
        for each in document["comparisons"]
        for measure in MEASURES
        if measure.name in each["differences"]
    ]
    labels = counted(document["window"], "label", "labels")
    over = f"{labels} of the log" if "scores_file" in document else f"the last {labels}"
    title = f"Against {spoken(SCORE, document)}, over {over}"
    numeric = (False, True, False, True, True, True, True, True, False)
    return Table(title, header, numeric, rows)


def _cells(found: Mapping[str, Any]) -> Sequence[str]:
    """A difference in figures; where there are none, why."""
    numbers = [NOTHING if found[k] is None else f"{found[k]:.4f}" for k in ("a", "b")]
    difference = NOTHING if found["difference"] is None else f"{found['difference']:+.4f}"
    if found["reason"]:
        return [*numbers, difference, NOTHING, NOTHING, found["reason"]]
    interval = f"{found['low']:+.4f} to {found['high']:+.4f}"
    judged = {"a": "better", "b": "worse", None: "no different"}[found["better"]]
    return [*numbers, difference, interval, _chance(found), judged]


def _chance(found: Mapping[str, Any]) -> str:
    """p; where it is the least that a bootstrap can show, its bound."""
    return "<0.001" if found["p"] <= 0.001 else f"{found['p']:.2g}"
