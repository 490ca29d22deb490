"""Numbers of columns set anew in the text of a config file, of which all else stays as it is.

No parser of TOML tells where a value stands, and an editor for TOML refuses headers that come again
(:func:`converters.config.toml_text.parsed`). So each value that may be meant is replaced by a mark
of its own, and the parsed text tells which mark is where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import count
from typing import Any

from converters.config import toml_text
from converters.errors import UsageError

# By column, then by key.
Numbers = Mapping[str, Mapping[str, Any]]
KEYS = ("center", "scale", "edges")
_SET = re.compile(
    rf"(?P<key>\b(?:{'|'.join(KEYS)})\b[\"']?[ \t]*=[ \t]*)"
    r"(?P<value>\[(?:[^\]#]|#[^\n]*)*\]|[-+.\w]+)"
)
# What the first mark is; no other mark is equal.
FIRST_MARK = 1_000_001


def with_numbers(text: str, changed: Numbers) -> str:
    """The text with other numbers in columns that have such keys.

    Args:
        text: of a config file.
        changed: what is set anew; of each column keys that it has.

    Raises:
        UsageError: where one of them stands is not found.
    """
    marks = count(FIRST_MARK)
    marked = toml_text.parsed(_SET.sub(lambda found: _marked(found, next(marks)), text))
    wanted = {
        _mark(marked["columns"][name][key]): new
        for name, keys in changed.items()
        for key, new in keys.items()
    }
    marks = count(FIRST_MARK)
    edited = _SET.sub(lambda found: _replaced(found, wanted, next(marks)), text)
    if toml_text.parsed(edited) != _laid_over(toml_text.parsed(text), changed):
        said = "; ".join(f"{toml_text.key(n)}: {toml_text.value(k)}" for n, k in changed.items())
        raise UsageError(
            "Where the config has the numbers of its columns cannot be told for certain. Write "
            f"these by hand: {said}."
        )
    return edited


def _marked(found: re.Match[str], mark: int) -> str:
    return f"{found['key']}[{mark}]" if found["value"][0] == "[" else f"{found['key']}{mark}"


def _mark(value: Any) -> Any:  # noqa: ANN401  # whatever the config says there
    return value[0] if isinstance(value, list) and value else value


def _replaced(found: re.Match[str], wanted: Mapping[Any, Any], mark: int) -> str:
    if mark not in wanted:
        return found[0]
    return found["key"] + toml_text.value(wanted[mark])


def _laid_over(values: dict[str, Any], changed: Numbers) -> dict[str, Any]:
    for name, keys in changed.items():
        values["columns"][name] |= {
            key: list(new) if isinstance(new, tuple) else new for key, new in keys.items()
        }
    return values
