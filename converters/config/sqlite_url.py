"""URLs of SQLite files, ``sqlite:///PATH``: made of a path, and the path taken out of one again.

All that follows the three slashes is the path, character by character: ``?``, ``#``, ``%`` and
blanks are parts of names, as they are on the disk. Nothing is decoded, and there are no options.
"""

from __future__ import annotations

from pathlib import Path

SQLITE = "sqlite:///"
# How SQLAlchemy spells the same driver at length.
_AT_LENGTH = "sqlite+pysqlite:///"
# What names no file, or one in memory, which would be gone at the end.
_NO_FILE = ("", "/", ":memory:")


def sqlite_url(path: Path | str) -> str:
    """The URL of a file."""
    return f"{SQLITE}{path}"


def sqlite_file(url: str) -> Path | None:
    """The file that a URL names; None if it is a URL of another kind.

    Raises:
        ValueError: it is of this kind and names no file; the message says why.
    """
    scheme = next((each for each in (SQLITE, _AT_LENGTH) if url.startswith(each)), None)
    if scheme is None:
        return None
    path = url.removeprefix(scheme)
    if path in _NO_FILE or path.endswith("/") or "\0" in path:
        raise ValueError("it names no file, so nothing would be kept")
    return Path(path)


def without_options(path: Path) -> Path:
    """The path as it was given, which it is unless options were meant by its end.

    Raises:
        ValueError: the file's name ends in ``?name=value``; the message says what to do.
    """
    name, question, options = path.name.partition("?")
    if question and "=" in options:
        names = ", ".join(repr(each.partition("=")[0]) for each in options.split("&"))
        raise ValueError(
            f"a SQLite file takes no options, and here is {names} after the question mark; it "
            f"should end in {name!r}"
        )
    return path
