"""How many rows a request may have, and how long each may be."""

from __future__ import annotations

from dataclasses import dataclass

from converters.config.settings import ServeSettings
from converters.convert.row_block import MOST_AT_ONCE, MOST_IN_BLOCK
from serve.http.problems import TooLargeError

# A body is read in parts of so many bytes. The worst of 128 KiB (lists in lists, words to be
# escaped) takes some 15 ms a step, and longer parts make a body of ordinary rows no quicker.
PART_BYTES = 128 * 2**10
# Rows are converted and scored in blocks of so many cells at most: an empty row has as many as the
# schema has columns.
BLOCK_CELLS = 16_384


@dataclass(frozen=True, slots=True)
class RowLimits:
    """The limits of one request.

    Attributes:
        most_rows: how many it may have.
        row_bytes: how long each may be, with the blanks around it.
        part_bytes: how much is read at once; never more than a row may have.
        block_rows: how many are converted and scored at once.
        alike_rows: the same of objects that are written alike, of which no strings are cut.
    """

    most_rows: int
    row_bytes: int
    part_bytes: int
    block_rows: int = MOST_IN_BLOCK
    alike_rows: int = MOST_IN_BLOCK

    @classmethod
    def of(cls, settings: ServeSettings, columns: int) -> RowLimits:
        """Those of the config, for rows of so many columns."""
        part = min(PART_BYTES, settings.max_row)
        most = max(1, BLOCK_CELLS // columns)
        return cls(
            settings.max_rows,
            settings.max_row,
            part,
            min(MOST_IN_BLOCK, most),
            min(MOST_AT_ONCE, most),
        )

    def check_rows(self, rows: int) -> None:
        """Refuse a request of too many rows.

        Raises:
            TooLargeError: there are more than it may have.
        """
        if rows > self.most_rows:
            raise TooLargeError(
                f"The request has more than {self.most_rows:,} rows. Send fewer at a time, or "
                "raise serve.max_rows."
            )

    def check_row(self, number: int, length: int, perhaps: str = "") -> None:
        """Refuse a request with a row that is too long.

        Args:
            number: the row's, from 0.
            length: its bytes.
            perhaps: what else may be wrong.

        Raises:
            TooLargeError: it has more than it may have.
        """
        if length > self.row_bytes:
            raise TooLargeError(
                f"Row {number:,} has more than {self.row_bytes:,} bytes{perhaps}. Shorten it, or "
                "raise serve.max_row."
            )
