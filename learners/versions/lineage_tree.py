"""The lineages of a model as a tree: what ``history --tree`` draws, and its JSON.

A lineage stands under the one whose version it began with, or at the top if it began with nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from converters.cells.escaping import quoted
from converters.show.tables import counted, moment
from learners.registry.row_types import Start, iso
from learners.versions.describe import console

if TYPE_CHECKING:  # the second imports SQLAlchemy
    from rich.text import Text

    from learners.registry.lineages import Descent

# Each level takes four columns: what is deeper goes on at the top, so that there is room for words.
DEEPEST = 8
# What a backfill was made of: ``file``, ``log``, or the journal of a lineage.
Source = str | int | None


def lineages_json(every: Sequence[Descent]) -> list[dict[str, Any]]:
    """The lineages for scripts, by their number."""
    sources = sources_of(every)
    trained = trained_on(every, sources)
    return [_flat(each, sources.get(each.lineage.serial), trained) for each in every]


def _flat(each: Descent, source: Source, trained: Mapping[int, int]) -> dict[str, Any]:
    events = each.events or {}
    return {
        "lineage": each.lineage.serial,
        "parent_version": each.lineage.parent_version,
        "parent_lineage": each.parent_lineage,
        "joins_of_lineage": _joins_of(each),
        "origin": each.lineage.origin,
        "backfill_of": "journal" if isinstance(source, int) else source,
        "journal_of_lineage": source if isinstance(source, int) else None,
        "rollback": each.rollback,
        "adoption": each.kind,
        "began_at": iso(each.lineage.created_at),
        "versions": [each.first, each.last, each.versions],
        "events": events.get("events"),
        "learned": events.get("learned"),
        "quarantined": events.get("quarantined"),
        "trained_on": trained.get(each.lineage.serial),
        "live": each.live,
        "served": each.served,
        "pinned": each.pinned,
        "candidate": _is_candidate(each),
    }


def sources_of(every: Sequence[Descent]) -> dict[int, Source]:
    """What each backfill was made of, by its lineage.

    One of a journal begins as the learner's lineage began, and no other backfill does.
    """
    begun: dict[tuple[int | None, str, str], int] = {}
    found: dict[int, Source] = {}
    for each in every:
        lineage = each.lineage
        begins = json.dumps(lineage.start, sort_keys=True)
        start = lineage.parent_version, begins, lineage.schema_hash
        if lineage.epoch is not None:
            begun[start] = lineage.serial
        elif start in begun:
            found[lineage.serial] = begun[start]
        else:
            found[lineage.serial] = "file" if lineage.start == Start({}, {}, 0) else "log"
    return found


def trained_on(every: Sequence[Descent], sources: Mapping[int, Source]) -> dict[int, int]:
    """The examples behind a lineage's weights at its last checkpoint, by its number.

    Its count of learned events goes on from that of its joins, and its weights from those of its
    parent version; :class:`learners.report.ancestry.Ancestry` gives the same of one version.
    """
    beyond: dict[int | None, int] = {None: 0}
    found: dict[int, int] = {}
    for each in every:
        source, more = sources.get(each.lineage.serial), beyond.get(each.parent_lineage, 0)
        if isinstance(source, int):
            more = beyond[source]
        elif _joins_of(each) is not None:
            more += _learned(each.parent_events) - _learned(each.joins_events)
        beyond[each.lineage.serial] = more
        if each.events is not None:
            found[each.lineage.serial] = _learned(each.events) + more
    return found


def _learned(events: Mapping[str, int] | None) -> int:
    return (events or {}).get("learned", 0)


def print_tree(every: Sequence[Descent], model: str) -> None:
    """Draw the lineages for a person."""
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(f"Model '{model}': {counted(len(every), 'lineage', 'lineages')}"))
    sources = sources_of(every)
    trained = trained_on(every, sources)
    placed: dict[int | None, tuple[Tree, int]] = {None: (root, 0)}
    for each in every:
        serial = each.lineage.serial
        above = each.parent_lineage if each.parent_lineage in placed else None
        branch, depth = placed[above]
        if depth == DEEPEST:
            branch.add(Text(f"lineage {serial}: see below"))
            branch, depth = root, 0
        label = Text().append(f"lineage {serial}", "bold")
        if depth == 0 and above is not None:
            label.append(f" (under lineage {above})")
        _tell(label, each, sources.get(serial), trained.get(serial, 0))
        placed[serial] = branch.add(label), depth + 1
    console().print(root)


def _tell(label: Text, each: Descent, source: Source, trained: int) -> None:
    """Say what a lineage is now, how it began, and what came of it."""
    for mark in _marks(each):
        label.append(", ").append(mark, "bold green")
    label.append(f": {origin_words(each, source)}")
    joins = _joins_of(each)
    if joins is not None:
        label.append(f"\nwith positions, waiting events and counts of lineage {joins}")
    label.append("\n").append("; ".join(_facts(each, trained)), "dim")


def origin_words(each: Descent, source: Source) -> str:
    """What began a lineage.

    Args:
        each: the lineage.
        source: what it was made of, if it is a backfill.
    """
    parent = each.lineage.parent_version
    if each.rollback is not None:
        why = quoted(each.reason or "")
        by = quoted(each.actor or "")
        return f"rollback {each.rollback} to version {parent} ({each.mode}) by {by}: {why}"
    if isinstance(source, int):
        begun = "" if parent is None else f", from version {parent} on"
        return f"backfill of the log as lineage {source} learned it{begun}"
    if source is not None:
        return "backfill of a file" if source == "file" else "backfill of the log from its start"
    if each.lineage.origin == "promote":
        whole = "its whole state" if each.kind == "whole" else "its weights"
        return f"promotion of version {parent} ({whole})"
    if parent is None and each.lineage.origin == "learn":
        return "learned from the start of the log"
    return each.lineage.origin + ("" if parent is None else f", from version {parent}")


def _joins_of(each: Descent) -> int | None:
    """The lineage whose joins went on in one that took weights alone."""
    return None if each.kind == "whole" else each.joins_of


def _facts(each: Descent, trained: int) -> Iterator[str]:
    yield f"began {moment(round(each.lineage.created_at.timestamp() * 1000))}"
    if not each.versions:
        yield "no version"
    elif each.versions == 1:
        yield f"version {each.last}"
    else:
        between = "" if _is_gapless(each) else f" ({each.versions:,} of them)"
        yield f"versions {each.first}-{each.last}{between}"
    if each.events is not None:
        count, learned = each.events.get("events", 0), _learned(each.events)
        of_them = "all" if count == learned > 0 else f"{learned:,}"
        behind = "" if trained == learned else f"; trained on {trained:,}"
        left_out = each.events.get("quarantined", 0)
        without = f", {left_out:,} in quarantine" if left_out else ""
        yield f"{counted(count, 'event', 'events')}, {of_them} learned{without}{behind}"
    if _is_candidate(each):
        yield "refused" if each.state == "refused" else "candidate, never promoted"


def _is_gapless(each: Descent) -> bool:
    """Whether nobody else made a version between its first and its last."""
    return (each.last or 0) - (each.first or 0) + 1 == each.versions


def _marks(each: Descent) -> Iterator[str]:
    if each.live:
        yield "live"
    if each.served is not None:
        yield f"version {each.served} is served" + (", pinned" if each.pinned else "")


def _is_candidate(each: Descent) -> bool:
    """Whether a backfill made it that nobody has promoted."""
    return each.lineage.epoch is None and each.versions > 0 and not each.ever_served
