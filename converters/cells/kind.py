"""The contract of a kind of column: check a cell, and write its value for Vowpal Wabbit.

What a kind promises, for every cell:

- ``check`` gives the cell's *value*, checked and transformed, or raises
  :class:`~converters.cells.refusal.RefusedCellError`. It is never asked about a missing cell.
- ``write`` gives features that VW reads as they are meant, numbers within 8 units in the last
  place of float32; values that differ give features that differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from converters.cells.escaping import escape_name
from converters.errors import UsageError

# The version of the converter: raised when the same cells would give another text. It is part of a
# schema's hash, and a lineage keeps the one that it began with. Those from the first on can be
# read by.
CONVERTER_VERSION = 3
FIRST_CONVERTER = 2
# From this one on, cells that are one number or truth value are one value however they are spelt.
CANONICAL_FROM = 3


class UnknownConverterError(UsageError):
    """A model's cells are read as this release does not know how to."""


def check_converter(version: object) -> None:
    """Refuse a version of the converter that this release does not have.

    Raises:
        UnknownConverterError: it is older or newer than all that it has.
    """
    known = range(FIRST_CONVERTER, CONVERTER_VERSION + 1)
    if type(version) is int and version in known:
        return
    raise UnknownConverterError(
        f"This model was begun by another release of Freshet: it reads cells by version {version} "
        f"of the converter, and this release knows the versions {', '.join(map(str, known))}. The "
        "config is not the cause. Continue with the release that began the model, or a newer one; "
        "or begin another model, with another `model` and `home`."
    )


def older_readings(version: int) -> str:
    """That a model begun by an older release still reads cells as that did; empty if it does not.

    Args:
        version: of the converter, which the model's lineage keeps.
    """
    if version >= CONVERTER_VERSION:
        return ""
    return (
        "The model still reads cells as the release of Freshet that began it (version "
        f"{version} of the converter; this release has {CONVERTER_VERSION}). "
        "'freshet backfill log --fresh --promote --follow' gives it this release's readings."
    )


Value = TypeVar("Value")

# The pieces of many cells, without what each of them begins with; that; and whether each number in
# them is plain: zero, or of a magnitude that every learner takes
# (:data:`converters.cells.numbers.PLAIN_NUMBERS`).
Pieces = tuple[Sequence[str], str, bool]


class MissingValueError(Exception):
    """A value that the config takes for missing."""


class Kind(ABC, Generic[Value]):
    """One column's way from a cell to features and back.

    Attributes:
        name: the feature's name, escaped.
    """

    # Whether a cell of nothing but blanks is missing.
    blank_is_missing: ClassVar[bool] = False
    # Whether ``write_many`` gives None wherever a cell is missing.
    finds_missing = False

    def __init__(self, name: str) -> None:
        self.name = escape_name(name)

    @property
    def known(self) -> frozenset[str]:
        """Cells that are known, where the config lists them: none is unseen."""
        return frozenset()

    def says_missing(self, cell: str) -> bool:
        """Whether a cell is another spelling of one that the config lists as missing."""
        del cell
        return False

    def is_unseen(self, cell: str) -> bool:
        """Whether a cell that is not missing has a value that is none of the known ones."""
        del cell
        return False

    def are_usual(self, cells: Sequence[str]) -> bool:
        """Whether no cell of many says missing or is unseen; certain if true."""
        del cells
        return False

    @abstractmethod
    def check(self, cell: str) -> Value:
        """The value of a cell.

        Raises:
            RefusedCellError: the cell must not reach a learner.
            MissingValueError: the config takes the value for missing.
        """

    @abstractmethod
    def write(self, value: Value) -> str:
        """The value's features, joined by blanks."""

    def compiled(self, lead: str) -> Callable[[str], str]:
        """A function from a cell to ``lead`` and its features, as ``write`` of ``check`` gives."""
        check, write = self.check, self.write
        return lambda cell: lead + write(check(cell))

    def write_many(self, lead: str, cells: Sequence[str]) -> Pieces | None:
        """``lead`` and the features of each of many cells at once.

        Args:
            lead: what comes before the features of each cell.
            cells: cells that may be bad.

        Returns:
            None if they have to be converted one by one.
        """
        del lead, cells
        return None


class Category(Kind[str]):
    """A value written as ``name=value`` that needs no escape."""

    def write(self, value: str) -> str:
        """One feature."""
        return f"{self.name}={value}"
