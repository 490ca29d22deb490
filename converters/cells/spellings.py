"""One spelling for cells that say the same: ``36`` and ``36.0``, ``True`` and ``true``.

pandas writes a column of integers as ``36.0`` once a cell is missing, Python writes ``True``, and
JSON has numbers and truth values of its own. Which spelling counts is for the schema to say: the
one that it lists; of what it does not list, that of JSON and of integers.

A number is plain decimal notation: ``007``, ``1_000``, `` 7`` and ``٣`` are texts, and no other
text is ever one of them. Numbers are compared exactly, whatever their length.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from converters.cells.refusal import RefusedCellError

# A longer cell is a text: no program writes a number so.
LONGEST = 400
# JSON numbers with a fraction or an exponent are parsed as floats, which hold every integer below
# this, and not every one from here on.
EXACT_INTEGERS = 2.0**53

# Groups are not possessive: before 3.11.5, Python forgot to go back where one had failed midway.
_DECIMAL = r"[+-]?+(?:(?:0|[1-9][0-9]*+)(?:\.[0-9]*+)?|\.[0-9]++)"
_PLAIN = re.compile(rf"{_DECIMAL}(?:[eE][+-]?+[0-9]{{1,3}})?")
# An integer as floats are printed: `36.0`, `1e+16`. A code such as `12E5` is none.
_WHOLE = r"(?:(-?(?:0|[1-9][0-9]*))\.0+|-0|-?[1-9](?:\.[0-9]+)?e\+[0-9]{2,3})"
_PRINTED = re.compile(_WHOLE)
# The same as R and spreadsheets write it too; and one in full, which has no zero in front.
_FLOAT_ID = re.compile(r"-?(?:0|[1-9][0-9]*)\.0+|-?[1-9](?:\.[0-9]+)?[eE]\+[0-9]{2,3}")
_INTEGER_ID = re.compile(r"-?(?:0|[1-9][0-9]*)")
# How Python, pandas and JSON print a value that is not there; and others, which may be names.
PRINTED_NONE = frozenset({"nan", "NaN", "<NA>", "None", "null", "NaT"})
NO_VALUE = PRINTED_NONE | {"", "NA", "N/A", "NULL", "\\N"}
_TRUTHS = frozenset(("true", "false"))
_TRUTH_LENGTHS = frozenset(map(len, _TRUTHS))
# What the last character of a number or truth value is.
_LAST = frozenset("0123456789.eE")
_TRUTH = "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]"
# Lines that may be spelt in another way where nothing is listed, and where numbers are.
_ODD_LINE = re.compile(rf"^(?:{_WHOLE}|{_TRUTH})$", re.MULTILINE)
_ENDS_WHOLE = re.compile(r"\.0+$", re.MULTILINE)
_ANY_LINE = re.compile(rf"^(?:{_PLAIN.pattern}|{_TRUTH})$", re.MULTILINE)
# With any zeros in front. What it gives is no longer than an id may be.
_INTEGER = re.compile(r"[+-]?+(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?+[0-9]{1,2})?")


class Spellings:
    """The spellings that a schema lists for a column.

    Args:
        meanings: what each listed spelling means; of spellings that are one number or truth value
            and mean the same, the first counts for others.
    """

    def __init__(self, meanings: Mapping[str, object]) -> None:
        self._listed = frozenset(meanings)
        # The spelling that counts; empty where spellings of one number mean different things, as
        # the versions 1.1 and 1.10 do: then no third one is either of them.
        self._counts: dict[Decimal | str, str] = {}
        for spelling, meaning in meanings.items():
            said = _said(spelling)
            if said is not None:
                first = self._counts.setdefault(said, spelling)
                if first and meanings[first] != meaning:
                    self._counts[said] = ""

    def of(self, cell: str) -> str:
        """The spelling of a cell that counts; the cell itself if it is listed or says no such."""
        if cell[-1:] not in _LAST or cell in self._listed:
            return cell
        if not self._counts:
            return cell if cell.isdecimal() else _unlisted(cell)
        said = _said(cell)
        if said is None:
            return cell
        listed = self._counts.get(said)
        return _unlisted(cell) if listed is None else listed or cell

    def keep(self, cells: Sequence[str], joined: str) -> bool:
        """Whether none of many cells is spelt in another way; certain if true.

        Args:
            cells: the cells.
            joined: them, with a line feed between two of them and nowhere else.
        """
        if not self._counts:
            return not _may_hold_odd(cells, joined) or _ODD_LINE.search(joined) is None
        return self._listed.issuperset(cells) or _ANY_LINE.search(joined) is None


def says_value(cell: str) -> bool:
    """Whether a cell is a number or truth value, which have other spellings."""
    return _said(cell) is not None


def integer(cell: str) -> str:
    """The integer's spelling of a cell that is one: ``7`` for ``007``, ``+7`` and ``7.0``.

    Raises:
        RefusedCellError: ``not-an-integer``.
    """
    if cell.isdecimal() and cell.isascii() and cell[0] != "0":
        return cell
    plain = cell.strip(" ")
    if not plain:
        return ""
    if len(plain) <= LONGEST and _INTEGER.fullmatch(plain):
        value = Decimal(plain)
        if value == (whole := int(value)):
            return str(whole)
    raise RefusedCellError("not-an-integer", cell)


def are_integers(ids: Collection[str]) -> bool:
    """Whether all of these are integers, as such or as floats are printed, or no value."""
    others = (each for each in ids if each not in NO_VALUE and not _INTEGER_ID.fullmatch(each))
    return all(_FLOAT_ID.fullmatch(each) and _is_whole(each) for each in others)


def float_ids(ids: Collection[str]) -> list[str]:
    """Those that are written as floats, such as ``100001.0``; none if not all are integers."""
    return sorted(filter(_FLOAT_ID.fullmatch, ids)) if are_integers(ids) else []


def _is_whole(cell: str) -> bool:
    return (value := Decimal(cell)) == int(value)


def folded(cell: str) -> Decimal | str:
    """What a cell says but for blanks, capitals and how numbers are spelt: ``1`` for ``1.0 ``."""
    words = " ".join(cell.split()).casefold()
    said = _said(words)
    return words if said is None else said


def plain_number(cell: str) -> float | None:
    """The number that a cell is in plain decimal notation; None if it is none."""
    return float(cell) if len(cell) <= LONGEST and _PLAIN.fullmatch(cell) else None


def _may_hold_odd(cells: Sequence[str], joined: str) -> bool:
    """Whether to look closer, which takes ten times as long as to look for single characters."""
    if "." in joined and _ENDS_WHOLE.search(joined):
        return True
    if ("-" in joined and "-0" in joined) or ("+" in joined and "e+" in joined):
        return True
    if _TRUTH_LENGTHS.isdisjoint(map(len, cells)):
        return False
    lowered = joined.lower()
    return "true" in lowered or "false" in lowered


def _said(cell: str) -> Decimal | str | None:
    """The number or truth value that a cell says, if it says one."""
    if len(cell) <= LONGEST and _PLAIN.fullmatch(cell):
        return Decimal(cell)
    return lowered if len(cell) <= 5 and (lowered := cell.lower()) in _TRUTHS else None


def _unlisted(cell: str) -> str:
    """The plainest spelling of a number or truth value."""
    if len(cell) > LONGEST:
        return cell
    if printed := _PRINTED.fullmatch(cell):
        whole = printed[1]
        if whole is None:
            value = Decimal(cell)
            return str(whole) if value == (whole := int(value)) else cell
        return whole if whole != "-0" else "0"
    lowered = cell.lower()
    return lowered if lowered in _TRUTHS else cell
