"""Each contender against the learner's score, on the recent lessons: what ``freshet compare`` says.

Reads the window of a checkpoint's evaluation; :mod:`learners.comparison` does the statistics.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from converters.config.settings import Settings
from converters.errors import UsageError
from converters.show.tables import NOTHING, Table, cut, print_table
from learners.comparison.compare import MEASURES, compare
from learners.evaluation.labelled_examples import PINNED, SCORE
from learners.registry.row_types import iso
from learners.report.checkpoint_measures import Measured
from learners.report.document import called, trouble_words
from learners.report.render import WIDTH, which
from learners.report.served_version import learner_is_served, served_words

# As sentences name them; shadows go by the name that the config gives them.
SPOKEN = {
    "base_rate": "the base rate",
    "static": "the frozen copy",
    "raw": "the raw score",
}


def comparisons(settings: Settings, measured: Measured, against: str | None) -> dict[str, Any]:
    """All comparisons, or that with one contender, ready for JSON.

    Raises:
        UsageError: there is no contender of this name.
    """
    kept, checkpoint = measured.evaluator.window_lessons(), measured.checkpoint
    about = {
        "model": settings.model,
        "version": checkpoint.version,
        "lineage": checkpoint.lineage,
        "made_at": iso(checkpoint.created_at),
        "served": measured.served.to_json(),
        "pinned": measured.pinned,
    }
    found = []
    for name in _compared([name for name in kept.scores if name != SCORE], against):
        comparison = compare(
            kept.scores[name],
            kept.scores[SCORE],
            kept.positive,
            kept.amounts,
            settings.evaluation.confidence,
            settings.value,
            measured.evaluator.measuring.threshold,
        )
        words = comparison.words(spoken(name, about), spoken(SCORE, about))
        found.append({"name": name, **comparison.to_json(), "words": words})
    return {
        **about,
        "window": int(kept.positive.size),
        "confidence": settings.evaluation.confidence,
        "against": SCORE,
        "comparisons": found,
        "trouble": trouble_words(measured.shadows),
    }


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
        return "the served score" if learner_is_served(document) else "the learner's score"
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
    if not document["window"] or not found:
        out.write("Nothing to compare yet: no label has been joined to its event.\n")
        return
    print_table(comparison_table(document), out)
    sentences = [_sentence(each["words"]) for each in found]
    for words in (*sentences, *document["trouble"]):
        out.write(f"\n{textwrap.fill(words, WIDTH, break_on_hyphens=False)}\n")


def title(document: Mapping[str, Any]) -> str:
    """What is compared."""
    return f"Contenders of model '{document['model']}', {which(document)}"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def comparison_table(document: Mapping[str, Any]) -> Table:
    """A row for each contender and measure."""
    header = ("", "measure", "contender", "score", "difference", "interval", "p", "verdict")
    rows = [
        [called(each["name"], document), measure.called, *_cells(each["differences"][measure.name])]
        for each in document["comparisons"]
        for measure in MEASURES
        if measure.name in each["differences"]
    ]
    title = f"Against {spoken(SCORE, document)}, over the last {document['window']:,} labels"
    numeric = (False, False, True, True, True, True, True, False)
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
