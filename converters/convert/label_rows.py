"""The labels of a labels topic: the cells of each, and what they say, under one schema."""

from __future__ import annotations

from collections.abc import Sequence

from converters.cells.escaping import quoted
from converters.cells.refusal import LABEL_NEEDS, MOST_ID, Refusal, RefusedCellError
from converters.cells.spellings import integer
from converters.objects import json_rows
from converters.schema.column_names import ColumnNames
from converters.schema.schema import LABEL_NAMES, Schema

# An event's id, and 1 or 0.
LabelRow = tuple[str, int]
Cells = Sequence[str] | Refusal

# What a label needs, under these names or the schema's own.
_LABEL = frozenset(LABEL_NAMES[:2])

_OF_LABELS = ("bad-label", "missing-label")

# Of labels in JSON, whose names are no columns.
_LABEL_NAMES = {ignore: ColumnNames(LABEL_NAMES, {}, ignore) for ignore in (False, True)}


class LabelReader:
    """Reads labels.

    Args:
        schema: the reader's; the names that columns had before are known to it.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self._codes = schema.label_codes
        self._times = schema.times
        self._integer_ids = schema.has_integer_ids

    def cells(self, row: object) -> Cells:
        """The cells of a label's JSON object: id, label and, if there is one, time.

        Its fields may have the names of the schema's columns instead. The event's time is known
        too, but does not say when the label was.
        """
        schema, fields = self._schema, self._schema.label_fields
        used: dict[str, str] = {}
        found = row
        if isinstance(row, dict) and not fields.keys().isdisjoint(row):
            for name, field in fields.items():
                if field and name in row:
                    used.setdefault(field, name)
            rest = {name: row[name] for name in row if name not in fields}
            twice = sorted(used.keys() & rest.keys())
            if twice and not schema.ignore_extra:
                return Refusal("unknown-column", twice[0], json_rows.shown(rest[twice[0]]))
            found = rest | {field: row[name] for field, name in used.items()}
        names = _LABEL_NAMES[schema.ignore_extra]
        cells = json_rows.object_cells(found, names, schema.numbers, schema.whole_in_labels)
        refused = self.label(cells) if used and not isinstance(cells, Refusal) else cells
        if not isinstance(refused, Refusal):
            return cells
        given = row if isinstance(row, dict) else {}
        if refused.reason == "unknown-column" and not given.keys() | used.keys() >= _LABEL:
            return self._needs(given)
        # It is named as the record names it.
        return refused._replace(column=used.get(refused.column, refused.column))

    def _needs(self, row: dict[str, object]) -> Refusal:
        """The refusal of an object that has not the fields of a label."""
        own = {field: name for name, field in reversed(list(self._schema.label_fields.items()))}
        own_id, own_label = own.get("id", "id"), own.get("label", "label")
        said = f"{LABEL_NEEDS} {own_id!r} and {own_label!r}"
        if own:
            said += ", or 'id' and 'label'"
        return Refusal("unknown-column", "", quoted(f"{said}: {json_rows.fields(row)}"))

    def label(self, cells: Sequence[str]) -> LabelRow | Refusal:
        """The label that the cells of one row say."""
        if len(cells) not in (2, 3):
            return Refusal("wrong-width", "", f"{len(cells)} cells, not id,label[,time]")
        try:
            name = self._id(cells[0])
            code = self._code(cells[1])
        except RefusedCellError as refused:
            column = "label" if refused.reason in _OF_LABELS else "id"
            return Refusal(refused.reason, column, quoted(refused.cell))
        if len(cells) == 3 and cells[2]:
            try:
                self._times.check(cells[2])
            except RefusedCellError as refused:
                return Refusal(refused.reason, "time", quoted(refused.cell))
        return name, code

    def columns(self, cells: Sequence[Sequence[str]]) -> tuple[Sequence[str], list[int]] | None:
        """Ids and codes of many labels, whose cells are given by column: id, label, maybe time.

        None if one of them is refused.
        """
        ids, labels, *times = cells
        try:
            names = list(map(integer, ids)) if self._integer_ids else ids
            codes = [code for code in map(self._codes.__getitem__, labels) if code is not None]
            for time in set().union(*times) - {""}:
                self._times.check(time)
        except (KeyError, RefusedCellError):
            return None
        unfit = len(codes) < len(labels) or "" in names or max(map(len, ids)) > MOST_ID
        return None if unfit else (names, codes)

    def _id(self, cell: str) -> str:
        if len(cell) > MOST_ID:
            raise RefusedCellError("id-too-long", cell)
        found = integer(cell) if self._integer_ids else cell
        if not found:
            raise RefusedCellError("missing-id", "")
        return found

    def _code(self, cell: str) -> int:
        try:
            code = self._codes[cell]
        except KeyError:
            raise RefusedCellError("bad-label", cell) from None
        if code is None:
            raise RefusedCellError("missing-label", cell)
        return code
