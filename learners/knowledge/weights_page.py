"""What a version knows, printed for a person: tables of weights, of columns and of pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from converters.show.tables import NOTHING, Table, counted, cut, percent, print_table
from learners.explain.reason_codes import LEAST

# What a table shows of names and of importances.
LONGEST_NAME, MOST_PAIRS = 60, 10
# What the control is called among columns.
RANDOM = "(a random column)"


def print_weights(content: Mapping[str, Any], model: str, out: TextIO) -> None:
    """Print what ``weights_json`` gives.

    Args:
        content: that.
        model: the model's name.
        out: where to.
    """
    totals = content["weights"]
    out.write(f"Version {content['version']} of model '{model}': ")
    out.write(f"{counted(totals['weights'], 'weight', 'weights')}, {totals['undone']:,} by name\n")
    for table in (_largest(content["largest"]), *_importances(content)):
        if table.rows:
            out.write("\n")
            print_table(table, out)
    out.writelines(f"\n{remark}\n" for remark in content["remarks"])


def _largest(weights: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for each in weights:
        columns = " x ".join(cut(part["column"] or NOTHING) for part in each["parts"])
        share = NOTHING if each["share"] is None else percent(each["share"])
        others = f"{each['others']:,}" if each["others"] else ""
        rows.append([*_named(each), columns or NOTHING, f"{each['weight']:+.4f}", share, others])
    header = ("feature", "columns", "weight", "of kept rows", "may be others")
    return Table("Largest weights, log-odds", header, (False, False, True, True, True), rows)


def _named(weight: Mapping[str, Any]) -> Iterator[str]:
    yield cut(weight["name"] or "no known name", LONGEST_NAME)


def _importances(content: Mapping[str, Any]) -> Iterator[Table]:
    found, control = content["importances"], content["control"]
    over = (
        f"mean |contribution| over {found['rows']:,} kept rows, each against {found['others']:,}, "
        "log-odds"
    )
    of_columns = [(cut(each["column"]), each["importance"]) for each in found["columns"]]
    of_pairs = [(" x ".join(map(cut, e["columns"])), e["importance"]) for e in found["pairs"]]
    of_pairs = of_pairs[:MOST_PAIRS]
    if control is not None:
        of_columns.append((RANDOM, control["importance"]))
        most = max(control["pairs"], key=lambda each: each["importance"])
        of_pairs.append((f"{cut(most['column'])} x {RANDOM}", most["importance"]))
    yield _ordered(f"Columns, {over}", "column", of_columns)
    if any(value > LEAST for _, value in of_pairs):
        yield _ordered("Pairs, what both do beyond each alone", "columns", of_pairs)


def _ordered(title: str, what: str, values: Sequence[tuple[str, float]]) -> Table:
    """The largest first, without those that do nothing."""
    ordered = sorted(values, key=lambda item: -item[1])
    rows = [[name, f"{value:.4f}"] for name, value in ordered if value > LEAST]
    return Table(title, (what, "importance"), (False, True), rows)
