"""csv2vw in its plainest form: a line, a list of cells, a list of features, one at a time.

A stand-in for the classic script, which cannot be had as a package: written anew from what it does,
held to real runs of it by ``test_csv2vw_cases``, and not tuned. Tests hold the fast form to it and
the benchmarks measure against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from converters.csv2vw.flags_and_layout import parse


class StoppedError(Exception):
    """csv2vw ends with status 1 here."""


def numeric(cell: str) -> bool:
    """Whether Python reads a cell as a float."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def place(column: int, width: int) -> int:
    """A column counted from the front."""
    found = column if column >= 0 else width + column
    if not 0 <= found < width:
        raise StoppedError
    return found


class Plain:
    """csv2vw with some flags."""

    def __init__(self, flags: str) -> None:
        self.flags = parse(flags)
        self.classes: dict[str, int] = {}

    def lines(self, source: Iterable[str]) -> Iterator[str]:
        """What it prints, line by line, for the lines of a file opened as text.

        Raises:
            StoppedError: it ends with status 1 here.
        """
        for number, line in enumerate(source):
            cells = [c or "" for c in re.split(self.flags.separator, line.rstrip("\r\n"))]
            if number == 0:
                self._lay_out(cells)
                if self.flags.header:
                    continue
            try:
                printed = self._printed(cells, number)
            except IndexError:
                raise StoppedError from None
            yield printed + "\n"

    def _lay_out(self, cells: list[str]) -> None:
        flags, width = self.flags, len(cells)
        self.label = None if flags.label is None else place(flags.label, width)
        self.tag = None if flags.tag is None else place(flags.tag, width)
        removed = {self.label, self.tag, *(place(i, width) for i in flags.ignored)}
        self.features = [i for i in range(width) if i not in removed]
        named = flags.header and not flags.numbered
        self.names = cells if named else [str(i) for i in range(width)]

    def _printed(self, cells: list[str], number: int) -> str:
        label = "" if self.label is None else self._label(cells[self.label])
        tag = str(number) if self.tag is None else cells[self.tag]
        words = [f"{label} {tag}|"]
        for i in self.features:
            if self.flags.drop and cells[i] in {"", "0"}:
                continue
            words.append(f"{self.names[i]}{':' if numeric(cells[i]) else '='}{cells[i]}")
        return " ".join(words)

    def _label(self, cell: str) -> str:
        if not cell:
            return ""
        if not numeric(cell):
            return str(self.classes.setdefault(cell, len(self.classes) + 1))
        return "-1" if self.flags.binary and cell == "0" else cell
