"""The weight of a row: how much more than others it counts when it is learned.

It is written in front of a row's text (``2.5 |…``), behind the label when that is known. It is
bounded: one row of weight 1e30 would spoil a model for good.
"""

from __future__ import annotations

from converters.cells.kind import CONVERTER_VERSION, MissingValueError
from converters.cells.numbers import Bounded, number_text
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import ColumnSettings

# The bounds where the config sets none, and the largest that it may set: one example of weight 1e30
# leaves a model that says .5 for ever.
LEAST, MOST = 0.0, 1000.0
MOST_WEIGHT = 1e6


class Weight:
    """Reads the cells of the column of role ``weight``, by a version of the converter."""

    def __init__(self, settings: ColumnSettings, converter: int = CONVERTER_VERSION) -> None:
        low = LEAST if settings.min is None else settings.min
        high = MOST if settings.max is None else settings.max
        bounded = settings.model_copy(update={"min": low, "max": high})
        self._bounded = Bounded(bounded, converter)
        self._filling = Bounded(bounded.model_copy(update={"missing_values": ()}))
        self._missing = frozenset({"", *settings.missing_values})
        self._rejects_missing = settings.missing == "reject"
        self._fill = settings.fill_value

    def value(self, cell: str) -> float:
        """The weight; 1 or ``fill_value`` where the cell is missing.

        Raises:
            RefusedCellError: no number, out of bounds, or missing, where those refuse.
        """
        if cell not in self._missing:
            try:
                return self._bounded.check(cell)
            except MissingValueError:
                pass
        if self._rejects_missing:
            raise RefusedCellError("missing-value", cell)
        return 1.0 if self._fill is None else self._filling.check(self._fill)

    def piece(self, cell: str) -> str:
        """What a row's text begins with: the weight, unless it is 1, and the first bar.

        Raises:
            RefusedCellError: as :meth:`value`.
        """
        value = self.value(cell)
        if value == 1:
            return "|"
        return f"{number_text(value) if value else '0'} |"
