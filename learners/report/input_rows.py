"""What was wrong with the input: rows refused, labels that never met, cells absent or unseen.

Everything is counted over the lineage. A column is named; what its cells hold never is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from converters.cells.remedies import REMEDIES, commonest
from converters.convert.cell_watch import CellCounts
from converters.convert.cell_words import remarks_on
from converters.show.tables import NOTHING, Table, counted, cut, percent
from learners.report.figures import Section

CELLS = "cells"
# What became of rows that were accepted and of which nothing was learned, by kind.
LOST = {
    "events": {
        "expired": "no label came within late_labels.wait",
        "duplicates": "the id was seen shortly before",
        "scored_only": "neither a label nor an id",
    },
    "labels": {
        "labels_late": "came after the event had expired",
        "labels_expired": "no event came within late_labels.label_wait",
        "labels_duplicates": "repeated a known label",
    },
}
KINDS = tuple(LOST)


def input_of(counts: Mapping[str, int], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """All of it, ready for JSON.

    Args:
        counts: of events and labels, over the lineage.
        metrics: of the same checkpoint.

    Returns:
        ``{"events": {"rows", "rejected", "reasons", "expired", …}, "labels": {…}, "cells":
        {"rows", "absent": {column: count}, "unseen": likewise} or None}``; None where the release
        that made the checkpoint did not count them.
    """
    refused = metrics.get("rejected_reasons") or {}
    found: dict[str, Any] = {}
    for kind in KINDS:
        found[kind] = {
            "rows": counts.get(kind, 0),
            "rejected": counts.get("rejected" if kind == "events" else "labels_rejected", 0),
            "reasons": dict(commonest(refused.get(kind) or {})),
            **{name: counts.get(name, 0) for name in LOST[kind]},
        }
    return found | {CELLS: metrics.get(CELLS)}


def input_section(document: Mapping[str, Any]) -> Section | None:
    """Rows of which nothing was learned, and cells that say less than they might."""
    found = document["input"]
    if not any(found[kind]["rows"] for kind in KINDS):
        return None
    rows = [row for kind in KINDS for row in _rows(kind, found[kind])]
    header = ("", "because", "rows", "share", "means")
    table = Table("Rows not learned from", header, (False, False, True, True, False), rows)
    counts = CellCounts.from_json(found[CELLS] or {})
    odd = [
        [cut(name), *_cell(counts.absent[name], counts), *_cell(counts.unseen[name], counts)]
        for name in sorted(counts.absent.keys() | counts.unseen.keys())
    ]
    heads = ("column", "absent", "share", "unseen", "share")
    title = f"Cells of {counts.rows:,} accepted event rows"
    by_column = Table(title, heads, (False, True, True, True, True), odd)
    as_of = f"Counted as of the checkpoint of {document['made_at'][:19]}Z."
    return Section("Input", [as_of, *_words(found, rows), *remarks_on(counts)], [table, by_column])


def _rows(kind: str, of: Mapping[str, Any]) -> Iterator[list[str]]:
    whole = of["rows"]
    for reason, count in of["reasons"].items():
        yield [kind, f"refused: {reason}", f"{count:,}", _share(count, whole), _short(reason)]
    unnamed = of["rejected"] - sum(of["reasons"].values())
    if unnamed > 0:
        yield [kind, "refused", f"{unnamed:,}", _share(unnamed, whole), "see the dead letters"]
    for name, means in LOST[kind].items():
        if of[name]:
            called = name.removeprefix("labels_").replace("_", " ")
            yield [kind, called, f"{of[name]:,}", _share(of[name], whole), means]


def _short(reason: str) -> str:
    """The beginning of what helps; 'freshet dead-letters' says all of it."""
    return cut(REMEDIES.get(reason, NOTHING), 60).replace("`", "")


def _share(count: int, whole: int) -> str:
    return percent(count / whole) if whole else NOTHING


def _cell(count: int, of: CellCounts) -> tuple[str, str]:
    return f"{count:,}", _share(count, of.rows)


def _words(found: Mapping[str, Any], rows: Sequence[object]) -> list[str]:
    said = [] if rows else ["No row was refused, expired, late or a duplicate."]
    late, expired = found["labels"]["labels_late"], found["events"]["expired"]
    if late and expired:
        labels, events = counted(late, "label", "labels"), counted(expired, "event", "events")
        said.append(
            f"{labels} came after the event had expired, and {events} expired: look at "
            "late_labels.wait, and whether a topic lagged behind the other."
        )
    return said
