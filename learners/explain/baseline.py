"""What a row is held against: a row that misses everything, the rows of a file, or typical ones.

Against all missing, a contribution is what knowing the cell adds; against rows, what having this
cell instead of theirs adds, on average over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from converters.cells.feature import Feature
from converters.cells.refusal import RefusedCellError
from converters.config.column_settings import MISSING, TYPICAL
from converters.config.settings import Settings
from converters.convert.whole_file import checked
from converters.errors import FreshetError, UsageError
from converters.files.csv_file import open_csv
from converters.schema.schema import Schema
from learners.explain.row_pieces import Pieces, RowPieces

# Each row that is explained is scored some 2N times for each row of the baseline.
MOST_ROWS = 1_000
OTHERS = 'Hold rows against another one (explain.baseline); "missing" can always be had.'


# For those who may not know of the server's files.
NO_BASELINE = (
    "There are no rows to hold others against: the version keeps none, or the file that the config "
    "names cannot be used. The server's log says why. `?baseline=missing` of /explain can be had."
)


class BaselineError(UsageError):
    """A baseline that cannot be had."""


class NoReasonsError(UsageError):
    """Reasons cannot be given by this config."""


class Baseline(NamedTuple):
    """The rows that a row is held against.

    Attributes:
        kind: where they come from.
        rows: at least one.
    """

    kind: Literal["missing", "typical", "file"]
    rows: tuple[Pieces, ...]

    @property
    def has_values(self) -> bool:
        """Whether it has values: only against such is a cell low or high."""
        return self.kind != MISSING


def baseline_of(
    asked: str | None,
    settings: Settings,
    schema: Schema,
    cuts: RowPieces,
    kept: Sequence[str],
) -> Baseline:
    """The baseline that is asked for.

    Args:
        asked: ``missing``, ``typical``, a path, or None for the config's.
        settings: of the config.
        schema: the version's own.
        cuts: of that schema.
        kept: the lines that the version keeps, in their order.

    Raises:
        BaselineError: there are no rows, or the file's are refused; says what to do.
    """
    asked = settings.explain.baseline if asked is None else asked
    if asked == MISSING:
        return Baseline("missing", (_missing(schema, cuts),))
    if asked == TYPICAL:
        if not kept:
            raise BaselineError(f"The version keeps no typical rows (explain.kept_rows). {OTHERS}")
        many = min(len(kept), settings.explain.rows)
        # Evenly: the oldest come first.
        return Baseline(
            "typical", tuple(cuts.cut(kept[at * len(kept) // many]) for at in range(many))
        )
    return Baseline("file", tuple(map(cuts.cut, _lines_of(asked, settings, schema))))


def _missing(schema: Schema, cuts: RowPieces) -> Pieces:
    """What a row writes all of whose cells are missing; nothing for what it must not lack."""
    return cuts.cut(cuts.line([_of_missing(feature) for feature in schema.features]))


def _of_missing(feature: Feature) -> str:
    try:
        return feature.plain_piece("")
    except RefusedCellError:
        return ""


def _lines_of(path: str, settings: Settings, schema: Schema) -> list[str]:
    try:
        return _read(path, settings, schema)
    except BaselineError:
        raise
    except FreshetError as error:
        raise BaselineError(f"explain.baseline: {error}") from error


def _read(path: str, settings: Settings, schema: Schema) -> list[str]:
    lines: list[str] = []
    with open_csv(path, settings.csv) as file:
        for numbers, block in checked(file, schema):
            for at, refused in block.refused.items():
                raise BaselineError(
                    f"explain.baseline: {path}, line {numbers[at]}: {refused.reason} in column "
                    f"'{refused.column}'. Correct the row or remove it."
                )
            lines += [line[line.index("|") :] for line in block.lines]
            if len(lines) > MOST_ROWS:
                raise BaselineError(
                    f"explain.baseline: {path} has more than {MOST_ROWS:,} rows: each is scored "
                    "for every row that is explained. Draw some of them: 50 to 200 are enough."
                )
    if not lines:
        raise BaselineError(f"explain.baseline: {path} has no rows.")
    return lines
