"""What a file is that cannot be read as it was said to be: encoding, delimiter, or no CSV at all.

Only a file that cannot be read, or whose columns are none that are known, is looked at so: a guess
must not change what is read. What is advised, the option or the command, is for a person to judge.
"""

from __future__ import annotations

import codecs
import csv
import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from converters.cells.refusal import Refusal
from converters.config.settings import CsvSettings
from converters.config.toml_text import value
from converters.files.compressed import Readable
from converters.files.framing import Dialect
from converters.files.rewriting import Original, from_blanks, from_json, from_returns

# So much of a file is looked at, and so many of its rows.
LONGEST = 64 * 1024
ROWS = 10
# Rows that have one cell more than the header are no chance from so many on.
FEWEST = 3

_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Of text in UTF-16 at least so many characters, such as digits and delimiters, are ASCII.
_LEAST_ASCII = 0.05
# Bytes that Windows' encoding of Western Europe leaves open.
_NOT_CP1252 = b"\x81\x8d\x8f\x90\x9d"
# Others with one byte a character cannot be told from these.
_ONE_BYTE = ("cp1252", "latin-1")
_WITHOUT_MARK = {"utf-8-sig": "utf-8", "utf-16-le": "utf-16", "utf-16-be": "utf-16"}
_NAMES = {",": "commas", "\t": "tabs"}
BLANK = " "


class Beginning:
    """An open file whose first bytes are kept while they are read.

    Args:
        file: open for reading bytes.

    Attributes:
        content: these bytes, so far.
    """

    def __init__(self, file: Readable) -> None:
        self._file = file
        self.content = b""

    def read1(self, size: int, /) -> bytes:
        """What the file gives.

        Raises:
            OSError: the file cannot be read.
        """
        content = self._file.read1(size)
        if len(self.content) < LONGEST:
            self.content += content[:LONGEST]
        return content


def advice(content: bytes, name: str, settings: CsvSettings) -> str:
    """What helps if a file is not what its settings say, as a sentence; mostly empty.

    Args:
        content: its first bytes.
        name: how messages call it.
        settings: what they say.
    """
    encoding = encoding_of(content)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(content).lstrip("\ufeff")
    if said := no_csv(text):
        made = _made(name, settings, encoding) if said == "JSON" else ""
        return f"It is {said} and no CSV. {made or 'Save its table as CSV or Parquet.'}"
    if "\r" in text and "\n" not in text:
        made = _made(name, settings, encoding, from_returns)
        return f"Its lines end in carriage returns only. {made}".rstrip()
    delimiter = _delimiter(text, settings.delimiter)
    if delimiter == BLANK:
        made = _made(name, settings, encoding, from_blanks)
        said = "Its cells seem to be separated by blanks, which no setting reads."
        return f"{said} {made or 'Write commas in their place.'}"
    other = not _alike(encoding, content, settings.encoding)
    encoding = encoding if other else settings.encoding
    if not other and delimiter == settings.delimiter:
        return ""
    return _settings_said(encoding, delimiter, settings)


def _made(
    name: str,
    settings: CsvSettings,
    encoding: str,
    command: Callable[[Original, str], str] = from_json,
) -> str:
    """The command that makes other CSV of a file; empty for a stream."""
    original = Original.of(name, settings)
    if original is None:
        return ""
    return f'This command makes CSV of it, into "{original.corrected}": ' + command(
        original, encoding
    )


def _settings_said(encoding: str, delimiter: str, settings: CsvSettings) -> str:
    """The options of init, and the lines of the config, that name these."""
    options, lines, seems = [], [], []
    if encoding != settings.encoding:
        unsure = encoding in _ONE_BYTE
        seems.append(
            f"to be in {encoding}{' (or one like it: read its letters)' if unsure else ''}"
        )
    if delimiter != settings.delimiter:
        seems.append(f"to separate cells by {_NAMES.get(delimiter, repr(delimiter))}")
    if encoding != "utf-8":
        options.append(f"--encoding {encoding}")
        lines.append(f"encoding = {value(encoding)}")
    if delimiter != ",":
        options.append(f"--delimiter {'tab' if delimiter == chr(9) else shlex.quote(delimiter)}")
        lines.append(f"delimiter = {value(delimiter)}")
    given = f"with {' '.join(options)}" if options else "without --encoding and --delimiter"
    config = f"write {', '.join(lines)} in its section [csv]" if lines else "take them out of [csv]"
    return f"It seems {' and '.join(seems)}: run init {given}; with a config, {config}."


def encoding_of(content: bytes) -> str:
    """The encoding that bytes seem to be text in."""
    for mark, name in _MARKS.items():
        if content.startswith(mark):
            return name
    zeros = [content[place::2].count(0) for place in (0, 1)]
    if max(zeros) > _LEAST_ASCII * len(content) / 2 and not min(zeros):
        return "utf-16-le" if zeros[1] else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return "latin-1" if any(byte in content for byte in _NOT_CP1252) else "cp1252"
    return "utf-8"


def is_none(content: bytes, given: str) -> bool:
    """Whether a file surely is no CSV in this encoding, though it may be read as such."""
    if codecs.lookup(given).name.startswith(("utf-16", "utf-32")):
        return False
    if encoding_of(content).startswith(("utf-16", "utf-32")) and b"\0" in content.splitlines()[0]:
        return True
    return _is_object(content.partition(b"\n")[0].decode("utf-8", "replace"))


def _alike(found: str, content: bytes, given: str) -> bool:
    """Whether a file in the encoding that was found can be in the one that its settings name."""
    known = codecs.lookup(given).name
    if found in _ONE_BYTE:
        return known not in ("utf-8", "utf-8-sig") and not known.startswith(("utf-16", "utf-32"))
    if found == "utf-8" and content.isascii():
        return not known.startswith(("utf-16", "utf-32"))
    if found.startswith("utf-16") and known.startswith("utf-16"):
        low = content.startswith(codecs.BOM_UTF16_LE) or found == "utf-16-le"
        return known != ("utf-16-be" if low else "utf-16-le")
    return _WITHOUT_MARK.get(known, known) == _WITHOUT_MARK.get(found, found)


def no_csv(text: str) -> str:
    """What text is that is no CSV; empty if it may be some."""
    begun = text.lstrip()
    if begun[:1] in ("{", "["):
        line = begun.partition("\n")[0].strip()
        if begun[0] == "[":
            return "JSON" if begun[1:].lstrip()[:1] in ("{", "") else ""
        cut = "\n" not in begun and begun[1:].lstrip()[:1] == '"'
        return "JSON" if cut or line == "{" or _is_object(line) else ""
    if begun[:15].lower().startswith(("<!doctype", "<html", "<table", "<?xml")):
        return "XML" if begun.lower().startswith("<?xml") else "HTML"
    return ""


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _delimiter(text: str, given: str) -> str:
    """What probably separates the cells; what is given if nothing else does so better."""
    found = {mark: _widths(text, mark) for mark in dict.fromkeys([given, *",;\t|^~", BLANK])}
    fits = {mark: widths[0] for mark, widths in found.items() if _fits(widths)}
    if not fits:  # the header alone, where it would be one name
        wide = {m: w[0] for m, w in found.items() if m != BLANK and w and w[0] > 1}
        fits = {} if given in wide else wide
    # Blanks within names of columns are no delimiter where anything else is one.
    others = {mark: width for mark, width in fits.items() if mark != BLANK} or fits
    best = max(others, key=others.__getitem__, default=given)
    return given if others.get(given) == others.get(best) else best


def _fits(widths: Sequence[int]) -> bool:
    """Whether rows have as many cells as the header, or one more where names of rows have none."""
    if not widths or widths[0] < 2:
        return False
    rows = set(widths[1:])
    return rows <= {widths[0]} or (rows == {widths[0] + 1} and len(widths) > FEWEST)


def _widths(text: str, mark: str) -> list[int]:
    """How many cells the header and the first rows have; nothing if one cannot be read."""
    cells = list(islice(_cells(text, mark), ROWS + 1))
    # The last row may be cut.
    whole = cells[:-1] if len(cells) > 1 and not text.endswith("\n") else cells
    return [] if None in whole else [len(row or ()) for row in whole]


def _cells(text: str, mark: str) -> Iterator[Sequence[str] | None]:
    if mark == BLANK:
        lines = text.splitlines(keepends=True)
        yield from filter(None, csv.reader(lines, delimiter=BLANK, skipinitialspace=True))
        return
    dialect = Dialect(mark)
    for row, _ in dialect.frame(text.encode("utf-8", "replace")):
        if row:
            cells = dialect.cells_of(row)
            yield None if isinstance(cells, Refusal) else cells
