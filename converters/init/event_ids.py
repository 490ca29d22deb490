"""The column that ``--id`` names: what is odd about it, and whether its ids are integers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from converters.cells.spellings import float_ids
from converters.config.toml_text import quoted, readable
from converters.init.column_decision import Alternative, Decision
from converters.init.stray_cells import no_ids
from converters.sampling.column_sample import ColumnSample
from converters.show.tables import counted

AS_TEXT: dict[str, Any] = {"role": "id"}
AS_INTEGERS: dict[str, Any] = {"role": "id", "kind": "integer"}


def id_settings(column: ColumnSample) -> dict[str, Any]:
    """The settings of a column of ids."""
    return AS_INTEGERS if float_ids(column.counts.keys() - {""}) else AS_TEXT


def id_decision(column: ColumnSample) -> Decision:
    """What the column of ids is."""
    warnings: list[str] = []
    name, ids = quoted(column.name), column.counts.keys() - {""}
    empty = column.counts[""]
    repeated = len(column.cells) - empty - len(ids)
    if repeated:
        warnings.append(
            f"the id column {name} repeats itself in {counted(repeated, 'row', 'rows')} of the "
            "sample; a row whose id was seen shortly before is dropped as a duplicate."
        )
    warnings += no_ids(column)
    if empty:
        warnings.append(
            f"the id column {name} is empty in {counted(empty, 'row', 'rows')} of the sample; no "
            "late label can find them."
        )
    if id_settings(column) is AS_TEXT:
        return Decision(column.name, AS_TEXT, "set by --id", (), tuple(warnings))
    example, whole = _example(ids)
    warnings.append(
        f"the ids in {name} end in .0, such as {readable(example)}: labels will say {whole}. The "
        'config says kind = "integer", so that both are one id.'
    )
    because = (
        f"set by --id; ids end in .0, as pandas writes whole numbers once a cell is missing, and "
        f"labels will say {whole}: as integers both are one id"
    )
    text = Alternative(AS_TEXT, "if labels come with the same .0")
    return Decision(column.name, AS_INTEGERS, because, (text,), tuple(warnings))


def _example(ids: Collection[str]) -> tuple[str, str]:
    example = min(ids)
    return example, example.partition(".")[0]
