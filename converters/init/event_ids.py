"""The column that ``--id`` names: what is odd about it, and whether its ids are integers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from converters.cells.spellings import NO_VALUE, float_ids, integer
from converters.config.toml_text import quoted, readable
from converters.init.column_decision import Alternative, Decision
from converters.init.stray_cells import no_ids
from converters.sampling.column_sample import ColumnSample
from converters.sampling.nearly_numbers import shown
from converters.show.tables import counted

AS_TEXT: dict[str, Any] = {"role": "id"}
AS_INTEGERS: dict[str, Any] = {"role": "id", "kind": "integer"}


def id_settings(column: ColumnSample) -> dict[str, Any]:
    """The settings of a column of ids."""
    return AS_INTEGERS if float_ids(column.counts.keys() - {""}) else AS_TEXT


def id_decision(column: ColumnSample) -> Decision:
    """What the column of ids is."""
    ids = column.counts.keys() - {""}
    floats = float_ids(ids)
    if not floats:
        warnings = tuple(_odd(column, ids))
        return Decision(column.name, AS_TEXT, "set by --id", (), warnings)
    whole = {integer(each) for each in ids - NO_VALUE}
    text = Alternative(AS_TEXT, "if labels come with the same .0")
    because = (
        f"set by --id; {_written(floats, ids)}, as pandas writes whole numbers once a cell is "
        f"missing, and labels will say {integer(floats[0])}: as integers both are one id"
    )
    warning = (
        f"in the id column {quoted(column.name)} {_written(floats, ids)}, such as "
        f"{readable(floats[0])}: labels will say {integer(floats[0])}. The config says kind = "
        '"integer", so that both are one id.'
    )
    warnings = (*_odd(column, whole, ids & NO_VALUE), warning)
    return Decision(column.name, AS_INTEGERS, because, (text,), warnings)


def _written(floats: Sequence[str], ids: Collection[str]) -> str:
    how = "are written with an exponent" if "e" in floats[0].lower() else "end in .0"
    some = len(floats) < len(ids)
    return f"{len(floats):,} of {len(ids):,} ids {how}" if some else f"ids {how}"


def _odd(column: ColumnSample, ids: Collection[str], none: Collection[str] = ()) -> Iterator[str]:
    """What a person should look at.

    Args:
        column: the cells.
        ids: each id once, as it is read.
        none: the cells that are refused as no ids.
    """
    name, empty = quoted(column.name), column.counts[""]
    refused = sum(column.counts[cell] for cell in none)
    repeated = len(column.cells) - empty - refused - len(ids)
    if repeated:
        yield (
            f"the id column {name} repeats itself in {counted(repeated, 'row', 'rows')} of the "
            "sample; a row whose id was seen shortly before is dropped as a duplicate."
        )
    if none:
        yield (
            f"the id column {name} holds {shown(sorted(none))} in "
            f"{counted(refused, 'row', 'rows')} of the sample, which are refused as no integers. "
            "Leave the cell empty where there is no id."
        )
    else:
        yield from no_ids(column)
    if empty:
        yield (
            f"the id column {name} is empty in {counted(empty, 'row', 'rows')} of the sample; no "
            "late label can find them."
        )
