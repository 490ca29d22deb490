"""Which scores a document holds side by side, what they are called, and where their numbers are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.cells.refusal import quoted
from converters.show.tables import cut
from learners.report.figures import Group

SCORE, BASE_RATE = "score", "base_rate"
CALLED = {
    SCORE: "score (served)",
    "raw": "raw (the learner's own)",
    "static": "static (frozen copy)",
    BASE_RATE: "base rate",
}


def contenders(measures: Group) -> list[str]:
    """The served score first, then the frozen copy, the base rate and the others."""
    others = [name for name in measures.get("contenders") or {} if name != BASE_RATE]
    static = ["static"] if measures.get("static") else []
    base = [BASE_RATE] if BASE_RATE in (measures.get("contenders") or {}) else []
    return [SCORE, *static, *base, *others]


def called(name: str) -> str:
    """A contender's name for a person."""
    return CALLED.get(name, cut(name))


def shortly(name: str) -> str:
    """A contender's name where there is little room."""
    return "base rate" if name == BASE_RATE else cut(name, 20)


def report_of(measures: Group, name: str) -> Group:
    """The report of a contender: all, and the views within."""
    if name == SCORE:
        return measures
    found = measures.get(name) if name == "static" else measures["contenders"][name]
    return found if isinstance(found, Mapping) else {}


def part_of(entry: Mapping[str, Any], name: str) -> Group:
    """A contender's measures in a group of lessons; empty where it scored none of them."""
    found: Group = entry.get(name, {})
    return found


def since_words(grouping: Mapping[str, Any]) -> list[str]:
    """From which lesson on a grouping was kept, where that is not the first."""
    first = grouping["from_lesson"]
    return [f"Kept since lesson {first:,}, when the config began to ask for it."] if first else []


def trouble_words(shadows: Mapping[str, Any]) -> list[str]:
    """Which shadows have failed, and why."""
    return [
        f"The shadow '{cut(name)}' has failed and is scored no more: {quoted(said['trouble'])}"
        for name, said in shadows.items()
        if said["trouble"]
    ]
