"""A feature: one column (or a part of a time) from its cells to pieces of VW text, and back.

Its kind knows values; missing cells and namespaces are the same for all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from converters.cells.categories import Boolean, Categorical, Text, TimePart
from converters.cells.kind import CONVERTER_VERSION, Kind, MissingValueError, Pieces
from converters.cells.numbers import is_plain
from converters.cells.quantities import Bucket, NumberFeatures, Numeric
from converters.cells.refusal import RefusedCellError
from converters.cells.times import TimeReading
from converters.config.column_settings import ColumnSettings

Piece = Callable[[str], str]


@dataclass(frozen=True)
class Feature:
    """One feature of a schema.

    Attributes:
        name: the column's, and for a part of a time ``column.part``.
        column: whose cells it reads.
        settings: the column's.
        namespace: a letter for a feature that is crossed, else empty.
        part: which part of a time, else empty.
        converter: the version of the converter by which cells are read.
    """

    name: str
    column: str
    settings: ColumnSettings
    namespace: str = ""
    part: str = ""
    converter: int = CONVERTER_VERSION

    @cached_property
    def kind(self) -> Kind[Any]:
        """What checks, writes and reads its values."""
        return kind_of(self.name, self.settings, self.part, self.converter)

    def value(self, cell: str) -> Any:  # noqa: ANN401  # each kind has its own type of value
        """What the cell means, checked and transformed; None if it is missing.

        Raises:
            RefusedCellError: the cell must not reach a learner.
        """
        if cell not in self.missing and not (self.kind.blank_is_missing and cell.isspace()):
            try:
                return self.kind.check(cell)
            except MissingValueError:
                pass
        return self._value_of_missing(cell)

    def is_missing(self, cell: str) -> bool:
        """Whether the cell holds no value."""
        if cell in self.missing or (self.kind.blank_is_missing and cell.isspace()):
            return True
        return self.kind.says_missing(cell)

    def is_unseen(self, cell: str) -> bool:
        """Whether the cell's value is none of those that are known, where they are listed."""
        return not self.is_missing(cell) and self.kind.is_unseen(cell)

    def are_usual(self, cells: Sequence[str]) -> bool:
        """Whether none of many cells is missing or unseen; certain if true."""
        if self.kind.blank_is_missing and any(map(str.isspace, cells)):
            return False
        return self.missing.isdisjoint(cells) and self.kind.are_usual(cells)

    @property
    def known(self) -> frozenset[str]:
        """Cells that are known, where they are listed; other spellings of them may be, too."""
        return self.kind.known

    def write(self, value: object) -> str:
        """The piece of a value: its features with the namespace and the blank before them."""
        if value is not None:
            return self._lead + self.kind.write(value)
        return f"{self._lead}{self.kind.name}=" if self.settings.missing == "indicator" else ""

    def plain_piece(self, cell: str) -> str:
        """The piece of a cell, such as `` carrier=UA``: the plain form of ``piece``.

        Raises:
            RefusedCellError: the cell must not reach a learner.
        """
        return self.write(self.value(cell))

    @cached_property
    def piece(self) -> Piece:
        """The function that gives what ``plain_piece`` gives, and raises what it raises."""
        make, missing, absent = self.kind.compiled(self._lead), self.missing, self._absent
        blank_is_missing = self.kind.blank_is_missing

        def piece(cell: str) -> str:
            if cell in missing or (blank_is_missing and cell.isspace()):
                return absent(cell)
            try:
                return make(cell)
            except MissingValueError:
                return absent(cell)

        return piece

    def pieces(self, cells: Sequence[str]) -> Pieces:
        """The pieces of many cells, faster than one by one where possible.

        Raises:
            RefusedCellError: one of them must not reach a learner.
        """
        written = None
        if self.kind.finds_missing or self.missing.isdisjoint(cells):
            written = self.kind.write_many(self._lead, cells)
        if written is not None:
            return written
        pieces = list(map(self.piece, cells))
        return pieces, "", self.settings.kind != "numeric" or all(map(is_plain, pieces))

    @cached_property
    def _absent(self) -> Piece:
        """The piece of a missing cell."""
        if self.settings.missing == "reject":
            return lambda cell: self.write(self._value_of_missing(cell))  # which raises
        always = self.write(self._value_of_missing(""))
        return lambda _cell: always

    def _value_of_missing(self, cell: str) -> Any:  # noqa: ANN401  # as above
        if self.settings.missing == "reject":
            raise RefusedCellError("missing-value", cell)
        if self.settings.missing == "constant" and self.settings.fill_value is not None:
            return self.kind.check(self.settings.fill_value)
        return None

    @cached_property
    def missing(self) -> frozenset[str]:
        """The cells that are missing, but for blank ones."""
        return frozenset({"", *self.settings.missing_values})

    @cached_property
    def _lead(self) -> str:
        return f" |{self.namespace} " if self.namespace else " "


def kind_of(
    name: str, settings: ColumnSettings, part: str = "", converter: int = CONVERTER_VERSION
) -> Kind[Any]:
    """The kind of a feature.

    Args:
        name: the feature's name.
        settings: its column's.
        part: for a feature derived from a time, which part.
        converter: the version of the converter by which cells are read.
    """
    if part:
        return TimePart(name, part, TimeReading.of(settings, converter))
    if settings.kind == "numeric":
        if settings.features:
            return NumberFeatures(name, settings, converter)
        of_numbers = Bucket if settings.transform == "bucket" else Numeric
        return of_numbers(name, settings, converter)
    if settings.kind == "boolean":
        return Boolean(name, settings, converter)
    if settings.kind == "text":
        return Text(name)
    return Categorical(name, settings, converter)
