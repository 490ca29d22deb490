"""Values as TOML and back, and any text in a form that fits a TOML comment or a terminal."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# How much of a cell a comment or a warning quotes.
READABLE_LENGTH = 40


def quoted(text: str) -> str:
    """A basic string of TOML; whatever the text holds, the result is one line and printable."""
    # JSON's escapes are TOML's, but it leaves DEL and the C1 controls as they are.
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(c) for c in escaped)


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def readable(text: str) -> str:
    """A text quoted, cut if it is long."""
    return quoted(text if len(text) <= READABLE_LENGTH else text[: READABLE_LENGTH - 1] + "…")


def key(name: str) -> str:
    """A key, bare where TOML allows it."""
    bare = name.isascii() and name.replace("-", "_").isidentifier()
    return name if bare else quoted(name)


def value(content: object) -> str:
    """A string, number, truth value, path, list or (inline) table."""
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, float):
        return repr(int(content)) if content.is_integer() and abs(content) < 1e15 else repr(content)
    if isinstance(content, int):
        return str(content)
    if isinstance(content, Mapping):
        inside = ", ".join(f"{key(k)} = {value(v)}" for k, v in content.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(content, str | Path):
        return quoted(str(content))
    if isinstance(content, Iterable):
        return f"[{', '.join(value(v) for v in content)}]"
    raise TypeError(f"TOML cannot hold {content!r}.")


_HEADER = re.compile(r"[ \t]*\[([^\[\]]+)\][ \t]*(?:#.*)?")
_NOTHING = re.compile(r"[ \t]*(?:#.*)?")


def parsed(text: str) -> dict[str, Any]:
    """The values of TOML; a header above nothing may come again above its keys.

    ``init`` writes headers above commented keys, and scripts append sections to what it wrote.

    Raises:
        tomllib.TOMLDecodeError: as tomllib does.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        lines = text.split("\n")
        for at in _superfluous(lines):
            lines[at] = ""
        try:
            return tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError:
            raise error from None


def _superfluous(lines: list[str]) -> list[int]:
    """The numbers of headers that stand above nothing, and come again."""
    told = [(at, _HEADER.fullmatch(line.rstrip("\r"))) for at, line in enumerate(lines)]
    headers = [(at, found[1].strip()) for at, found in told if found is not None]
    times = Counter(name for _, name in headers)
    ends = [*(at for at, _ in headers[1:]), len(lines)]
    return [
        at
        for (at, name), end in zip(headers, ends, strict=True)
        if times[name] > 1 and all(map(_NOTHING.fullmatch, lines[at + 1 : end]))
    ]
