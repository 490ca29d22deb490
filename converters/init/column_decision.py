"""What a column shall be, why, and what to write instead; and how such texts write numbers.

:class:`Guess` is a kind, :class:`Decision` a whole column as ``config_text`` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from converters.config.toml_text import quoted
from converters.files.rewriting import Rule

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+")


@dataclass(frozen=True)
class Alternative:
    """What a person may write in a decision's place, and when that would be right."""

    settings: Mapping[str, Any]
    when: str


@dataclass(frozen=True)
class Decision:
    """What a column shall be.

    Attributes:
        name: the column.
        settings: its settings as the config file holds them.
        because: why, in words, as the file says beside it.
        otherwise: what to write instead if the guess is wrong, the likeliest first; of a suspected
            leak that is to learn from it.
        warnings: what the person should look at.
        rule: what a command does to its cells, if they are to be rewritten.
        never_missing: whether it is a feature that each row of the sample has.
        is_suspect: whether it is learned from though it may be known only when the label is.
        is_counting: whether it holds few whole numbers, which may be quantities or codes.
    """

    name: str
    settings: Mapping[str, Any]
    because: str
    otherwise: tuple[Alternative, ...] = ()
    warnings: tuple[str, ...] = ()
    rule: Rule | None = None
    never_missing: bool = False
    is_suspect: bool = False
    is_counting: bool = False

    @property
    def is_learned(self) -> bool:
        """Whether the column gives features."""
        return self.settings.get("kind", "integer") != "integer" or "parts" in self.settings


def leak(learned: Decision, said: str) -> Decision:
    """A column that seems known only when the label is: learning from it does harm."""
    warning = (
        f"column {quoted(learned.name)} looks like a leak: it {said}. It is not learned from, "
        'under the role "leak". If it IS known when the event comes, put the line in its place '
        "that the config shows beside it."
    )
    because = f"a leak? It {said}; {learned.because}"
    first = Alternative(learned.settings, "if it IS known when the event comes")
    return _set_aside(learned, "leak", because, first, warning)


def suspected(learned: Decision, said: str) -> Decision:
    """A column that may be known only when the label is, but may as well be a good one."""
    warning = (
        f"column {quoted(learned.name)} {said}. It is learned from. If it is known only when the "
        'label is, write role = "leak" for it: what was measured with it would not come true.'
    )
    aside = Alternative({"role": "leak"}, "if it is known only when the label is")
    return replace(
        learned,
        because=f"{learned.because}; a suspect: it {said}",
        otherwise=(aside, *learned.otherwise),
        warnings=(*learned.warnings, warning),
        is_suspect=True,
    )


def protected(learned: Decision, word: str) -> Decision:
    """A column whose name clearly is an attribute that must not decide about people."""
    because = (
        f"called {quoted(word)}, which must not decide about people: kept to compare groups by, "
        f"never learned from; {learned.because}"
    )
    warning = (
        f"column {quoted(learned.name)} is protected by its name ({word}): it is kept to "
        "compare groups by, and never learned from."
    )
    first = Alternative(learned.settings, "if the name means something else here")
    return _set_aside(learned, "protected", because, first, warning)


def _set_aside(
    learned: Decision, role: str, because: str, first: Alternative, warning: str
) -> Decision:
    return replace(
        learned,
        settings={"role": role},
        because=because,
        otherwise=(first, *learned.otherwise),
        warnings=(*learned.warnings, warning),
    )


def asked(learned: Decision, word: str) -> Decision:
    """A column whose name may say so: learned from, with a question."""
    warning = (
        f"column {quoted(learned.name)} may be an attribute that must not decide about people "
        f'({word}). It is learned from; role = "protected" keeps it without learning from it.'
    )
    kept = Alternative({"role": "protected"}, "if it must not decide about people")
    others = (kept, *learned.otherwise)
    return replace(learned, otherwise=others, warnings=(*learned.warnings, warning))


@dataclass(frozen=True)
class Surroundings:
    """What is known of the file besides the column that is decided.

    Attributes:
        names: all columns, in the file's order.
        rows: how many rows the sample has.
        roles: the role of each column that an option names.
        spellings: how missing values are spelt anywhere in the file.
        happened: when each row's event was, where --time names a column.
        time_format: how that column is written, where it needs one.
    """

    names: tuple[str, ...]
    rows: int
    roles: Mapping[str, str] = field(default_factory=dict)
    spellings: frozenset[str] = frozenset()
    happened: tuple[datetime | None, ...] = ()
    time_format: str = ""

    @property
    def order(self) -> list[int]:
        """The rows in order of time, if --time names a column; those without one first."""
        rows = range(self.rows)
        if not self.happened:
            return list(rows)
        times = [0.0 if at is None else at.timestamp() for at in self.happened]
        return sorted(rows, key=times.__getitem__)

    def has(self, role: str) -> bool:
        """Whether a column has the role."""
        return role in self.roles.values()


def words(name: str) -> list[str]:
    """A column's name as lower-case words: ``birthDate`` and ``birth_date`` are alike."""
    return [word.lower() for word in _WORD.findall(name)]


def plain(value: float) -> str:
    """A number without the ``.0`` of whole ones."""
    return repr(value).removesuffix(".0")


def rounded(value: float) -> str:
    """A number to four digits."""
    return plain(float(f"{value:.4g}"))


def percent(share: float) -> str:
    """A share in words."""
    return f"{share:.0%}" if share >= 0.01 else "under 1%"


@dataclass(frozen=True)
class Guess:
    """A kind, and why.

    Attributes:
        kind: the kind.
        because: why, in words.
        otherwise: other kinds that it might be.
        settings: the settings of that kind, if there are any besides.
        warnings: what the person should look at.
        as_missing: cells that the kind cannot hold, and that count as missing.
        rule: what a command does to its cells, if they are to be rewritten.
        is_counting: as in :class:`Decision`.
    """

    kind: str
    because: str
    otherwise: tuple[Alternative, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    as_missing: tuple[str, ...] = ()
    rule: Rule | None = None
    is_counting: bool = False
