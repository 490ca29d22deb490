"""Columns whose values become categories: categorical, boolean, text, and the parts of a time.

The config holds which values are known, so that the same cell is always the same feature: a model
is a fold over its log, and must not depend on what this process happens to have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import ClassVar

from converters.cells.escaping import escape_lines, escape_value
from converters.cells.kind import (
    CANONICAL_FROM,
    CONVERTER_VERSION,
    Category,
    Kind,
    MissingValueError,
    Pieces,
)
from converters.cells.refusal import RefusedCellError
from converters.cells.spellings import PRINTED_NONE, Spellings, says_value
from converters.cells.times import TimeReading
from converters.config.column_settings import ColumnSettings


class Group(Enum):
    """What stands for all values of a group; no cell is written so, for ``%`` is escaped."""

    RARE = "%rare"
    UNSEEN = "%unseen"


# What is escaped, but for the line feeds that hold cells apart here.
_ESCAPED = bytes({*range(33), 127, *b":|%^"} - {10})


def listed(settings: ColumnSettings) -> Spellings:
    """The spellings that a column of categories lists, missing ones too; all missing ones are one.

    A column of no kind lists none.
    """
    known = {each: each for each in (*settings.values, *settings.rare_values)}
    return Spellings(dict.fromkeys(settings.missing_values) | known)


class Categorical(Kind[str | Group]):
    """``name=value``; a number or truth value in the spelling that counts."""

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name)
        common, rare = frozenset(settings.values), frozenset(settings.rare_values)
        self._common = common
        self._listed = common | rare
        self._rare = rare
        self._missing = frozenset(settings.missing_values)
        self._spellings: Spellings | None = None
        if converter >= CANONICAL_FROM:
            self._spellings = listed(settings)
        self._may_say_missing = self._spellings is not None and any(
            map(says_value, settings.missing_values)
        )
        self._all_kept = settings.rare == "keep" and settings.unseen == "keep"
        self._rare_policy, self._unseen_policy = settings.rare, settings.unseen

    def check(self, cell: str) -> str | Group:
        """The cell as it counts, or the group that stands for it.

        Raises:
            RefusedCellError: ``rare-value`` or ``unseen-value``.
            MissingValueError: the policy takes it for missing.
        """
        if cell in self._common:
            return cell
        if self._spellings is not None:
            cell = self._spellings.of(cell)
            if cell in self._missing:
                raise MissingValueError
        if self._all_kept or cell in self._common:
            return cell
        if cell in self._rare:
            return _by_policy(cell, self._rare_policy, Group.RARE, "rare-value")
        return _by_policy(cell, self._unseen_policy, Group.UNSEEN, "unseen-value")

    @property
    def known(self) -> frozenset[str]:
        """What the config lists."""
        return self._listed

    def says_missing(self, cell: str) -> bool:
        """Whether it is a number or truth value that means missing."""
        return self._spellings is not None and self._spellings.of(cell) in self._missing

    def is_unseen(self, cell: str) -> bool:
        """Whether the config lists values, and not this one in any spelling.

        Where it lists none, what a program printed for a value that was not there is unseen.
        """
        if not self._listed:
            return cell in PRINTED_NONE
        if cell in self._listed:
            return False
        return self._spellings is None or self._spellings.of(cell) not in self._listed

    def are_usual(self, cells: Sequence[str]) -> bool:
        """Whether all are listed; where none is, whether none is a printed nothing."""
        known = self._listed.issuperset if self._listed else PRINTED_NONE.isdisjoint
        return not self._may_say_missing and known(cells)

    def write(self, value: str | Group) -> str:
        """The value, escaped."""
        return f"{self.name}={value.value if isinstance(value, Group) else escape_value(value)}"

    def compiled(self, lead: str) -> Callable[[str], str]:
        """Where every value is kept, no more than an escape."""
        if not self._all_kept:
            return super().compiled(lead)
        before, check = f"{lead}{self.name}=", self.check
        if self._spellings is None:
            return lambda cell: before + escape_value(cell)
        if not self._missing:
            of = self._spellings.of
            return lambda cell: before + escape_value(of(cell))
        # No group: it would need no escape.
        return lambda cell: before + escape_value(str(check(cell)))

    def write_many(self, lead: str, cells: Sequence[str]) -> Pieces | None:
        """All at once, if all are kept and none needs an escape: a fifth of one by one."""
        joined = "\n".join(cells)
        content = joined.encode("utf-8", "replace")
        plain = content.count(b"\n") < len(cells) and content.translate(None, _ESCAPED) == content
        if not (plain and self._all_kept):
            return None
        if self._spellings is not None and not self._spellings.keep(cells, joined):
            return None
        return cells, f"{lead}{self.name}=", True


def _by_policy(cell: str, policy: str, group: Group, reason: str) -> str | Group:
    if policy == "keep":
        return cell
    if policy == "group":
        return group
    if policy == "missing":
        raise MissingValueError
    raise RefusedCellError(reason, cell)


class Boolean(Kind[bool]):
    """``name=true`` or ``name=false``."""

    def __init__(
        self, name: str, settings: ColumnSettings, converter: int = CONVERTER_VERSION
    ) -> None:
        super().__init__(name)
        self._meanings: dict[str, bool | None] = dict.fromkeys(settings.true_values, True)
        self._meanings |= dict.fromkeys(settings.false_values, False)
        self._spellings: Spellings | None = None
        if converter >= CANONICAL_FROM:
            missing = dict.fromkeys(settings.missing_values)
            self._spellings = Spellings(missing | self._meanings)
            # JSON's own, whatever the lists say.
            self._meanings = {"true": True, "false": False} | missing | self._meanings

    def check(self, cell: str) -> bool:
        """What the cell says.

        Raises:
            RefusedCellError: ``not-a-boolean``.
            MissingValueError: it is another spelling of a missing value.
        """
        spelt = cell
        if cell not in self._meanings and self._spellings is not None:
            spelt = self._spellings.of(cell)
        if spelt not in self._meanings:
            raise RefusedCellError("not-a-boolean", cell)
        meaning = self._meanings[spelt]
        if meaning is None:
            raise MissingValueError
        return meaning

    def says_missing(self, cell: str) -> bool:
        """Whether it is a number or truth value that means missing."""
        if self._spellings is None or cell in self._meanings:
            return False
        return self._meanings.get(self._spellings.of(cell), True) is None

    def write(self, value: bool) -> str:
        """A category of two values."""
        return f"{self.name}={'true' if value else 'false'}"


# The tokens of a cell of 8 MiB took half a gigabyte; a novel has as many.
MOST_TOKENS = 100_000


class Text(Kind[tuple[str, ...]]):
    """``name=token name=token …``, in the order of the text."""

    blank_is_missing: ClassVar[bool] = True  # nothing but blanks holds no token

    def check(self, cell: str) -> tuple[str, ...]:
        """The tokens; any text has some, unless it is all blank.

        Raises:
            RefusedCellError: ``text-too-long``.
        """
        tokens = cell.split(maxsplit=MOST_TOKENS)
        if len(tokens) > MOST_TOKENS:
            raise RefusedCellError("text-too-long", cell)
        return tuple(tokens)

    def are_usual(self, cells: Sequence[str]) -> bool:
        """All are."""
        del cells
        return True

    def write(self, value: tuple[str, ...]) -> str:
        """Each token, escaped; one that repeats counts twice."""
        return " ".join([f"{self.name}={escape_value(token)}" for token in value])

    def compiled(self, lead: str) -> Callable[[str], str]:
        """All tokens at once: a third of the time, which a text of 100,000 of them needs."""
        check, before, between = self.check, f"{lead}{self.name}=", f" {self.name}="
        return lambda cell: before + escape_lines("\n".join(check(cell))).replace("\n", between)


_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

PARTS: Mapping[str, Callable[[datetime], str]] = {
    "hour": lambda moment: str(moment.hour),
    "weekday": lambda moment: _WEEKDAYS[moment.weekday()],
    "month": lambda moment: str(moment.month),
    "day": lambda moment: str(moment.day),
    "year": lambda moment: str(moment.year),
}


class TimePart(Category):
    """``name.hour=13``, ``name.weekday=mon`` or ``name.month=2``: hours and months are no amounts.

    Args:
        name: the feature's name, which ends with the part's.
        part: a key of :data:`PARTS`.
        reading: of the column; cells with an offset are brought into its zone, others are in it.
    """

    def __init__(self, name: str, part: str, reading: TimeReading) -> None:
        super().__init__(name)
        self._part = PARTS[part]
        self._local = reading.local

    def are_usual(self, cells: Sequence[str]) -> bool:
        """All are."""
        del cells
        return True

    def check(self, cell: str) -> str:
        """The part's value.

        Raises:
            RefusedCellError: ``bad-time`` or ``ambiguous-time``.
        """
        return self._part(self._local(cell))
