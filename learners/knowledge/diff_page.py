"""How two versions differ, printed for a person."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from converters.show.tables import NOTHING, Table, cut, print_table

LONGEST = 60


def print_diff(content: Mapping[str, Any], model: str, out: TextIO) -> None:
    """Print what ``diff_json`` gives.

    Args:
        content: that.
        model: the model's name.
        out: where to.
    """
    counts = content["weights"]
    out.write(f"Versions {content['from']} and {content['to']} of model '{model}'\n")
    out.write(
        f"Weights: {counts['from']:,} and {counts['to']:,}; {counts['new']:,} new, "
        f"{counts['gone']:,} gone, {counts['changed']:,} changed\n"
    )
    for table in _tables(content):
        if table.rows:
            out.write("\n")
            print_table(table, out)
    out.writelines("\n" + textwrap.fill(remark, 100) + "\n" for remark in content["remarks"])


def _tables(content: Mapping[str, Any]) -> Iterator[Table]:
    header = ("what", str(content["from"]), str(content["to"]))
    rows = [[cut(e["what"]), _shown(e["from"]), _shown(e["to"])] for e in content["metadata"]]
    yield Table("What made them", header, (False, False, False), rows)
    versions = (*header[1:], "change")
    rows = [
        [cut(each["name"] or "no known name", LONGEST), *_figures(each)]
        for each in content["largest"]
    ]
    numeric = (False, True, True, True)
    yield Table("Weights that changed most, log-odds", ("feature", *versions), numeric, rows)
    if (row := content["row"]) is not None:
        yield _of_row(row, versions)


def _of_row(row: Mapping[str, Any], versions: Sequence[str]) -> Table:
    """The columns with their contributions, then what is beside them, and their sum."""
    lines: list[Mapping[str, Any]] = [*row["columns"], *row["beside"], row["log_odds"]]
    shown = [[cut(each["what"]), *_figures(each)] for each in lines]
    score = row["score"]
    scores = (f"{score['from']:.4f}", f"{score['to']:.4f}", f"{score['change']:+.4f}")
    shown.append(["score", *scores])
    title = f"The row, what each column adds against {row['held_against']}, log-odds"
    return Table(title, ("column", *versions), (False, True, True, True), shown)


def _figures(each: Mapping[str, Any]) -> list[str]:
    return [f"{each[name]:+.4f}" for name in ("from", "to", "change")]


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return cut(", ".join(f"{name} = {of}" for name, of in value.items()), LONGEST)
    if isinstance(value, list | tuple):
        return cut(" ".join(map(str, value)), LONGEST) or NOTHING
    return NOTHING if value is None else cut(str(value), LONGEST)
