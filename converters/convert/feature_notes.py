"""The features of a schema by name: those that its config tells, and those first met in cells.

A hashed model does not know its features' names. Numbers, truth values, spans and the parts of a
time have names that follow from the config; categories and the words of texts are noted when the
conversion first meets their cells, which for remembered columns is once for each value.

A name is the feature's key as :mod:`converters.convert.from_vw_text` has it: ``carrier=UA``, and
``a|month=1`` in a namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from converters.cells.categories import PARTS, Categorical, Group
from converters.cells.feature import Feature
from converters.cells.kind import Pieces
from converters.cells.quantities import spans
from converters.pieces.column_memory import CheckedColumn
from converters.pieces.time_pieces import FIRST_YEAR
from converters.schema.schema import Schema

LAST_NAMED_YEAR = 2200
# Between them they have every hour, weekday, day and month, and the years of most dates.
_MOMENTS = (
    *(datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=25 * n) for n in range(366)),
    *(datetime(year, 1, 1, tzinfo=UTC) for year in range(FIRST_YEAR, LAST_NAMED_YEAR + 1)),
)
# A longer name is not noted: a cell may have megabytes.
LONGEST_NAME = 256


class FeatureNotes:
    """Notes features when a conversion first meets them.

    Args:
        schema: whose columns these are.
        most: how many names are noted; of columns without end no more.
    """

    def __init__(self, schema: Schema, most: int) -> None:
        self._kinds = {column.name: column.settings.kind for column in schema.columns}
        self._most = most
        self._known: set[str] = set()
        self._new: list[str] = []

    def noting(self, column: CheckedColumn) -> CheckedColumn:
        """The same column of a conversion, whose features are noted."""
        if self._kinds[column.name] not in ("categorical", "text") or not self._most:
            return column
        make, make_many = column.piece, column.pieces

        def piece(cell: str) -> str:
            made = make(cell)
            self._note([made], "")
            return made

        def pieces(cells: Sequence[str]) -> Pieces:
            made = make_many(cells)
            self._note(made[0], made[1])
            return made

        return replace(column, piece=piece, pieces=pieces)

    def taken(self) -> list[str]:
        """The names noted since the last time."""
        new, self._new = self._new, []
        return new

    def _note(self, texts: Sequence[str], lead: str) -> None:
        if len(self._known) >= self._most:
            return
        if lead:  # of categories; each text is a value
            (before,) = _names_in(lead)
            names = [before + text for text in dict.fromkeys(texts)]
        else:
            names = [name for text in dict.fromkeys(texts) for name in _names_in(text)]
        new = [name for name in names if name not in self._known]
        if new:
            self._known.update(new)
            self._new += [name for name in dict.fromkeys(new) if len(name) <= LONGEST_NAME]


def _names_in(piece: str) -> list[str]:
    """The keys of a piece such as `` |a note=x note=y``, which holds no numbers."""
    if not piece.startswith(" |"):
        return piece.split(" ")[1:]
    letter, *tokens = piece[2:].split(" ")
    return [f"{letter}|{token}" for token in tokens]


def told_names(feature: Feature) -> list[list[str]]:
    """What a feature may write but for cells that nothing lists, without its namespace's letter.

    Returns:
        Groups of names, in the order in which a row has them; of each a row has one at most.
    """
    settings, kind = feature.settings, feature.kind
    absent = [f"{kind.name}="] if settings.missing == "indicator" else []
    if feature.part:
        said = [kind.write(PARTS[feature.part](moment)) for moment in _MOMENTS]
    elif settings.kind == "boolean":
        said = [kind.write(value) for value in (True, False)]
    elif settings.kind == "numeric":
        in_spans = settings.transform == "bucket" or "bins" in settings.features
        said = [f"{kind.name}={each}" for each in (spans(settings.edges) if in_spans else ("0",))]
        is_number = settings.transform != "bucket" and settings.features != ("bins",)
        return [[*absent, *said], [kind.name] * is_number]
    elif isinstance(kind, Categorical):
        filling = () if settings.fill_value is None else (settings.fill_value,)
        groups = {Group.RARE: settings.rare, Group.UNSEEN: settings.unseen}
        grouped = (group for group, policy in groups.items() if policy == "group")
        listed = (*settings.values, *settings.rare_values, *filling, *grouped)
        said = list(map(kind.write, listed))
    else:
        said = []
    return [list(dict.fromkeys((*absent, *said)))]
