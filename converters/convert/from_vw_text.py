"""The converter's text of a row, read back as the dict of features that river learns from.

One compiled converter serves both learners this way.

A feature's key is its token (``carrier=UA``, ``distance``); in a crossed column's namespace the
letter comes before it (``a|month=1``), and a cross joins two keys (``a|month=1*c|origin=EWR``).
Tokens never hold a bar, so no two features share a key. :func:`readable` drops the letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

DEFAULT_NAMESPACE = " "
_LETTER = re.compile(r"(^|\*)[A-Za-z]\|")


@dataclass(frozen=True, slots=True)
class RiverRow:
    """The features of one row, by namespace.

    Attributes:
        spaces: each namespace's features by key; a token that repeats adds up, as in VW.
        numbers: the keys that hold a number of the row, with their namespace; all others are
            indicators of value 1.
    """

    spaces: dict[str, dict[str, float]]
    numbers: dict[str, str]


def read_row(line: str) -> RiverRow:
    """The row that a line of the converter holds; a label before it is passed over."""
    spaces: dict[str, dict[str, float]] = {}
    numbers: dict[str, str] = {}
    for section in line.split("|")[1:]:
        letter = section[:1].strip() or DEFAULT_NAMESPACE
        space = spaces.setdefault(letter, {})
        prefix = "" if letter == DEFAULT_NAMESPACE else f"{letter}|"
        for token in section[1:].split(" "):
            if not token:
                continue
            if ":" not in token:
                key, value = prefix + token, 1.0
            else:
                name, _, text = token.partition(":")
                key, value = prefix + name, read_number(text)
                numbers[key] = letter
            space[key] = space[key] + value if key in space else value
    return RiverRow(spaces, numbers)


def read_number(text: str) -> float:
    """A number as the converter writes it: decimal, or hex for magnitudes VW would misread."""
    return float.fromhex(text) if "x" in text else float(text)


def flat(spaces: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """The features of all namespaces in one dict, in the order of the text."""
    return {key: value for space in spaces.values() for key, value in space.items()}


def crossed(spaces: Mapping[str, Mapping[str, float]], pairs: Iterable[str]) -> dict[str, float]:
    """The products of the features of two namespaces, for each pair of letters.

    >>> crossed(read_row("| |a month=1 |b size:3").spaces, ["ab"])
    {'a|month=1*b|size': 3.0}
    """
    values = flat(spaces)
    return {
        key: _square(first, values[first]) if first == second else values[first] * values[second]
        for key, (first, second) in meetings(spaces, pairs).items()
    }


def _square(key: str, value: float) -> float:
    """A feature that meets itself: of a token that came n times, each unordered pair once."""
    return value * (value + 1) / 2 if "=" in key else value * value


def meetings(
    spaces: Mapping[str, Mapping[str, float]], pairs: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """The key of every cross, with the two keys that meet in it.

    In a namespace crossed with itself each unordered pair meets once, and each feature meets
    itself, as in Vowpal Wabbit.
    """
    found = {}
    for left, right in map(tuple, pairs):
        if left not in spaces or right not in spaces:
            continue
        ours, theirs = spaces[left], spaces[right]
        both = combinations_with_replacement(ours, 2) if left == right else product(ours, theirs)
        for first, second in both:
            found[f"{first}*{second}"] = (first, second)
    return found


def readable(key: str) -> str:
    """A feature's key as people know it.

    >>> readable("a|month=1*c|origin=EWR")
    'month=1*origin=EWR'
    """
    return _LETTER.sub(r"\1", key)
