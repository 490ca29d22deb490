"""Warnings of what an edited config will do to rows, labels and waiting events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from converters.changes.changes import Change
from converters.changes.costs import Cost
from converters.config import toml_text
from converters.show.tables import counted
from learners.report.ancestry import TrainedOn

Json = Mapping[str, Any]

# Roles of which a row without a cell is refused, or that decide which rows meet.
JOINING = ("id", "time", "label")
# Kinds whose cells must have a form.
STRICT_KINDS = ("numeric", "boolean", "time")
# What two columns must share to be taken for one, and what they say where they say nothing.
PLAIN = {"role": "feature", "kind": None}
# Keys of a column that can have its rows refused.
REFUSING = ("missing", "out_of_range", "rare", "unseen")


def cautions(
    changes: Iterable[Change], old: Json, new: Json, waiting: int, trained_on: TrainedOn
) -> Iterator[str]:
    """What will hurt, in the order of the config.

    Args:
        changes: what differs.
        old: the config before, by section; without ``columns`` and ``label`` if not known.
        new: the config now.
        waiting: events that wait for their labels.
        trained_on: the examples behind the model's weights.
    """
    found = list(changes)
    rebuilt = any(c.cost is Cost.LINEAGE for c in found)
    if "columns" in old:
        yield from _renamed(old["columns"], new["columns"])
        for change in found:
            yield from _column(change)
    if "label" in old:
        yield from _spellings(old["label"], new["label"])
    if rebuilt and trained_on.from_files:
        yield from _files(trained_on)
    if rebuilt and waiting:
        yield from _waiting(found, waiting)


def _renamed(old: Json, new: Json) -> Iterator[str]:
    """Columns that have gone and come at once may be the same under another name."""
    known = {former for column in new.values() for former in column.get("was", ())}
    gone = [name for name in old if name not in new and name not in known]
    come = [name for name in new if name not in old and not new[name].get("was")]
    for name in gone:
        alike = [each for each in come if _alike(old[name], new[each])]
        if alike:
            at = list(old).index(name)
            likely = min(alike, key=lambda e: (new[e] != old[name], abs(list(new).index(e) - at)))
            come.remove(likely)
            yield (
                f"'{name}' is removed and '{likely}' is added. If it is the same column under "
                f"another name, set columns.{toml_text.key(likely)}.was = "
                f"{toml_text.quoted(name)}; otherwise its old values are passed over."
            )


def _alike(one: Json, other: Json) -> bool:
    return all(one.get(key, default) == other.get(key, default) for key, default in PLAIN.items())


def _column(change: Change) -> Iterator[str]:
    section, _, rest = change.key.partition(".")
    if section != "columns" or not rest:
        return
    name, _, key = rest.rpartition(".")
    if isinstance(change.new, Mapping) and change.old is None:
        yield from _added(change.key, change.new)
    elif key == "role" and {change.old, change.new} & set(JOINING):
        yield (
            f"{change.words}: events and labels meet by id, and are ordered by time; rows of the "
            "log may not have what the other role needs."
        )
    elif key == "kind" and change.new in STRICT_KINDS and change.old is not None:
        yield f"{change.words}: rows whose cell of {name} is not {_form(change.new)} are refused."
    elif key == "kind" and change.new == "integer":
        yield f"{change.words}: rows and labels whose id is not a whole number are refused."
    elif key in REFUSING and change.new == "reject":
        yield f"{change.words}: rows of the log that were learned may be refused now."


def _added(key: str, column: Json) -> Iterator[str]:
    if column.get("missing") == "reject":
        yield (
            f'{key} is new and has missing = "reject": rows from before it have no such cell, '
            "and all of them are refused. Set another `missing`."
        )
    if column.get("role") in JOINING:
        yield f"{key} is new and has the role {column['role']}: rows from before it lack it."


def _form(kind: str) -> str:
    return {"numeric": "a number", "boolean": "true or false", "time": "a time"}[kind]


def _spellings(old: Json, new: Json) -> Iterator[str]:
    meant = {text: name for name in ("positive", "negative") for text in old[name]}
    means = {text: name for name in ("positive", "negative") for text in new[name]}
    gone = [text for text in meant if text not in means]
    if gone:
        yield (
            f"Labels spelled {', '.join(map(toml_text.readable, gone))} are no longer known: rows "
            "with them are refused, those of the log too."
        )
    for text, before in meant.items():
        now = means.get(text, before)
        if now != before:
            yield f"The label {toml_text.readable(text)} was {before} and is {now} now."


def _files(trained_on: TrainedOn) -> Iterator[str]:
    """No backfill holds both what a file had and what the log has."""
    of = ", ".join(str(version) for version in trained_on.of_files)
    count = counted(trained_on.from_files, "example", "examples")
    learned = counted(trained_on.examples - trained_on.from_files, "example", "examples")
    yield (
        f"The model goes on from version {of}, which has learned {count} from a file that the log "
        "does not hold: a backfill of the log makes a model without them. To keep them, run "
        "'freshet backfill FILE --promote --follow' with that file again; what was learned "
        f"from the log ({learned}) is then not in it."
    )


def _waiting(changes: Iterable[Change], waiting: int) -> Iterator[str]:
    yield (
        f"{waiting:,} events wait for their labels. A backfill of the log reads them again; one of "
        "a file would leave them behind."
    )
    for change in changes:
        if change.key == "late_labels.wait" and change.new < change.old:
            yield f"{change.words}: events that wait for longer than that expire."
