"""Tables of text, and the words that reports and messages are made of.

A :class:`Table` is printed by :func:`print_table`; :mod:`.pages` writes it as HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TextIO

from converters.cells.escaping import quoted

# How much of a cell or a name a table shows.
SHOWN_CHARACTERS = 32
NOTHING = "-"
# How many names a message lists.
LISTED = 10


class Table(NamedTuple):
    """A table of text.

    Attributes:
        title: what it shows.
        header: the columns' names.
        numeric: whether each column is aligned to the right.
        rows: the cells.
    """

    title: str
    header: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str]]


def cut(text: str, length: int = SHOWN_CHARACTERS) -> str:
    """A text that is harmless to show, and short."""
    shown = quoted(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def print_table(table: Table, out: TextIO) -> None:
    """A table with lines on a terminal, with blanks between its columns elsewhere."""
    if out.isatty():
        _rich(table, out)
    else:
        out.writelines(f"{line}\n" for line in plain(table))


def plain(table: Table) -> Iterator[str]:
    """The table as lines, each column as wide as its widest cell."""
    rows = [table.header, *table.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield f"{table.title}:"
    for row in rows:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, table.numeric, strict=True)
        ]
        yield f"  {'  '.join(cells).rstrip()}"


def _rich(table: Table, out: TextIO) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=table.title, title_justify="left")
    for name, right in zip(table.header, table.numeric, strict=True):
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in table.rows:
        shown.add_row(*map(Text, row))  # as Text, nothing in a cell is markup
    Console(file=out).print(shown)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def listed(names: Sequence[str], written: Callable[[str], str] | None = None) -> str:
    """Names as a message lists them, the first ten if there are more; by default in quotes."""
    shown = [written(name) if written else f"'{quoted(name)}'" for name in names[:LISTED]]
    more = f" and {len(names) - LISTED:,} more" if len(names) > LISTED else ""
    return ", ".join(shown) + more


def counted(number: int, one: str, more: str) -> str:
    """A number and the words that go with one, or with more."""
    return f"{number:,} {one if number == 1 else more}"


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as ISO 8601 in UTC."""
    try:
        at = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return f"{milliseconds / 1000:.0f} s since 1970"
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def percent(share: float) -> str:
    """A share in words; only none at all is 0 %."""
    if 0 < share < 0.001:
        return "<0.1 %"
    return f"{100 * share:.1f} %"
