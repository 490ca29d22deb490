"""What the first lines of CSV say: Excel's ``sep=;``, and names of columns, some of which may lack.

Excel and what writes for it put ``sep=;`` in front of the header to name the delimiter. pandas'
``to_csv`` and R's ``write.csv`` leave the cell above the row names empty.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from converters.files.compressed import READ_BYTES, Readable

# A delimiter as the config takes it, or the escape of a tab. Excel quotes the line where its own
# delimiter is in it, and fills it up to the width of the table. People write blanks and quotes.
_SEPARATOR = re.compile(
    rb"(?:\xef\xbb\xbf)*(?> *)(\"?)(?> *)sep(?> *)=(?> *)([\"']?)"
    rb"(\\t|[\t!#-*,/:-@\\\]^`|}~])\2(?> *)\1\3*(?> *)\r*\n",
    re.IGNORECASE,
)
# In a longer line it is not looked for.
_LONGEST = 4_096

UNNAMED = re.compile(r"Unnamed: [0-9]+(?:\.[0-9]+)?")


def separator(content: bytes) -> tuple[str, int]:
    """The delimiter that Excel's line at the start of CSV names, and where the next line begins.

    Empty and 0 without such a line. ``sep=`` before anything else, such as a letter, is a name.
    """
    found = _SEPARATOR.match(content, 0, _LONGEST)
    if found is None:
        return "", 0
    return found[3].decode("ascii").replace("\\t", "\t"), found.end()


def contradiction(found: str, delimiter: str) -> str:
    """What is wrong if Excel's line and the config name different delimiters."""
    says, other = _shown(found), _shown(delimiter)
    return (
        f"its first line, sep=, says that cells are separated by {says}, and csv.delimiter says "
        f"{other}"
    )


def _shown(delimiter: str) -> str:
    return "a tab" if delimiter == "\t" else f"'{delimiter}'"


def named(header: Sequence[str]) -> list[str]:
    """The names of columns; one whose cell is empty is called by its place, as pandas does.

    A first column without a name is ``Unnamed: 0``, or ``Unnamed: 0.1`` where another one is
    called so, as after a second round through pandas.
    """
    taken = frozenset(header)
    if "" not in taken:
        return list(header)
    # All at once, for a header may hold nothing but delimiters.
    names = [name or f"Unnamed: {place}" for place, name in enumerate(header)]
    for place in [at for at, name in enumerate(names) if name in taken and not header[at]]:
        again, known = 0, names[place]
        while names[place] in taken:
            again += 1
            names[place] = f"{known}.{again}"
    return names


class WithoutSeparator:
    """An open file without Excel's line, if it begins with one.

    Args:
        file: what it holds is UTF-8.

    Attributes:
        separator: the delimiter that the line names; empty if there is none.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self._held = b""
        self._failed: OSError | None = None
        try:
            while b"\n" not in self._held and len(self._held) < _LONGEST:
                if not (more := file.read1(READ_BYTES)):
                    break
                self._held += more
        except OSError as error:  # told where it is read
            self._failed = error
        self.separator, end = separator(self._held)
        self._held = self._held[end:]

    def read1(self, size: int, /) -> bytes:
        """Some of the rest, at most so much; nothing only at its end.

        Raises:
            OSError: the file cannot be read.
        """
        if self._held:
            content, self._held = self._held[:size], self._held[size:]
            return content
        if self._failed is not None:
            raise self._failed
        return self._file.read1(size)
