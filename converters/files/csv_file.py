"""A CSV file as rows of bytes with their line numbers, in bounded memory.

``convert``, ``produce``, ``score`` and ``backfill`` all read files through this, compressed or not,
in whatever encoding the config names. Rows are framed exactly as those of a record, but never
decoded or judged; a bad row is passed on as it is, and every row as UTF-8.

A byte that the encoding does not know becomes a mark that is not valid in UTF-8: its row is refused
like any other that cannot be read, and its neighbours live. :mod:`converters.cells.refusal` shows
the byte.
"""

from __future__ import annotations

import codecs
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple, Protocol, cast

from converters.cells.escaping import quoted
from converters.cells.refusal import Refusal
from converters.config.settings import CsvSettings
from converters.files.block_reader import READ_BYTES, Block, BlockReader, CsvFileError
from converters.files.compressed import PARQUET, Readable, Source
from converters.files.file_type import FEWEST, Beginning, advice, is_none
from converters.files.first_line import UNNAMED, WithoutSeparator, contradiction, named
from converters.files.framing import Dialect
from converters.files.parquet import ParquetSource
from converters.files.rewriting import other_width, width_fault

__all__ = ["Block", "CsvFile", "CsvFileError", "FileRow", "open_csv", "opened"]

STANDARD_INPUT = "-"


class KnownNames(Protocol):
    """The names that the columns of a file may have."""

    @property
    def own(self) -> Sequence[str]:
        """The columns of the config."""

    def unknown(self, names: Sequence[str], /) -> list[str]:
        """Those of a header's names that it may not have, in their order."""


class FileRow(NamedTuple):
    """One row as it is in the file, without its line ending, in UTF-8."""

    line: int
    content: bytes


class CsvFile:
    """An open CSV file with a header.

    Args:
        file: open for reading bytes.
        name: how messages call it.
        csv: its delimiter and encoding.
        guess: whether Excel's line ``sep=;`` may name another delimiter.

    Attributes:
        csv: the same, with the delimiter that was found.
        dialect: the delimiter's framing of rows.
        header: the column names of its first row.
        rows_read: how many rows have been given.
    """

    def __init__(
        self,
        file: io.BufferedIOBase | Source | ParquetSource,
        name: str,
        csv: CsvSettings | None = None,
        *,
        guess: bool = False,
    ) -> None:
        self.csv = csv or CsvSettings()
        self._source = file if isinstance(file, Source | ParquetSource) else Source(file)
        self.name = name
        self.rows_read = 0
        self._begun: Beginning | None = None
        self._first: Sequence[bytes] = ()  # the rows behind the header that were read with it
        text, line = self._text(guess=guess)
        self.dialect = Dialect(self.csv.delimiter)
        self._reader = BlockReader(text, name, self.dialect, line)
        self._blocks = self._reader.blocks()
        self.header = self._read_header()

    def _text(self, *, guess: bool) -> tuple[Readable, int]:
        """The file as UTF-8 from its header on, and the header's line."""
        if isinstance(self._source, ParquetSource):
            return self._source, 1
        utf8, begun = is_utf8(self.csv.encoding), Beginning(self._source)
        self._begun = begun
        text = WithoutSeparator(begun if utf8 else Transcoder(begun, self.csv.encoding))
        found = text.separator
        if found and guess:
            self.csv = self.csv.model_copy(update={"delimiter": found})
        if found and found != self.csv.delimiter:
            raise CsvFileError(
                f"{self.name}: {contradiction(found, self.csv.delimiter)}. Correct the one in "
                "the config (for init: --delimiter), or take the line out of the file."
            )
        return text, 2 if found else 1

    @property
    def size(self) -> int | None:
        """The file's size in bytes, compressed; None for a stream, whose end is not known."""
        return self._source.size

    def tell(self) -> int:
        """How much of that has been read, for showing progress."""
        return self._source.tell()

    @property
    def bytes_read(self) -> int:
        """How many bytes of CSV have been read, decompressed."""
        return self._reader.bytes_read

    def rows(self) -> Iterator[FileRow]:
        """The rows after the header, in order.

        Raises:
            CsvFileError: a quote is still open at the end of the file, or a row is longer than
                8 MiB; says where and how many rows were read before.
        """
        for lines, rows in self._blocks:
            for row in map(FileRow, lines, rows):
                self.rows_read += 1
                yield row

    def blocks(self) -> Iterator[Block]:
        """The same rows in the blocks in which they are read."""
        for block in self._blocks:
            self.rows_read += len(block.rows)
            yield block

    @property
    def misread(self) -> str:
        """What helps if the file is not in the encoding, or CSV, that was named; mostly empty."""
        return "" if self._begun is None else advice(self._begun.content, self.name, self.csv)

    def require_known(self, names: KnownNames) -> None:
        """Refuse a file with columns that the config does not know, or with a name too few.

        Args:
            names: those that it knows.

        Raises:
            CsvFileError: names the first such column, and what may have gone wrong; or each row of
                the first block has one cell more than the header, or less, for a known reason.
        """
        unknown, columns = names.unknown(self.header), names.own
        if unknown:
            raise CsvFileError(
                f"{self.name} has the column '{quoted(unknown[0])}', which the config does not "
                f"name. Its columns are {', '.join(columns)}. {self._unknown(unknown, columns)}"
            )
        rows = [self.dialect.cells_of(row) for row in self._first]
        if len(rows) < FEWEST:
            return
        if fault := width_fault(self.header, [() if isinstance(r, Refusal) else r for r in rows]):
            raise CsvFileError(f"{self.name}: {other_width(self.name, self.csv, fault)}")

    def _unknown(self, unknown: Sequence[str], columns: Sequence[str]) -> str:
        """What helps when the header names these unknown columns."""
        if said := self.misread:
            return said
        if len(unknown) == len(self.header):
            return "It has none of them: its first line must be a header that names its columns."
        if unknown[0].strip() in columns:
            return "The blanks around the name belong to it; take them out of the header."
        if UNNAMED.fullmatch(unknown[0]):
            return (
                "So a column is called whose cell in the header is empty, by its place from 0. "
                'Add it to [columns] (role "drop" if it only counts the rows), or take it out of '
                "the file."
            )
        return (
            'Add it to [columns] (role "drop" if it is not to be learned from), take it out of the '
            'file, or set [record] extra = "ignore".'
        )

    def _read_header(self) -> list[str]:
        try:
            lines, rows = next(self._blocks, Block((), (b"",)))
        except CsvFileError as error:
            raise self._refused(str(error)) from None
        self._first = [row for row in rows[1:] if row]
        rest = [Block(lines[1:], rows[1:])] if rows[1:] else []
        self._blocks = chain(rest, self._blocks)
        header = self.dialect.cells_of(rows[0])
        if isinstance(header, Refusal) or not any(header):
            reason = header.reason if isinstance(header, Refusal) else ""
            raise self._refused(f"{self.name} has no header: {_no_header(reason)}.")
        if self._begun is not None and is_none(self._begun.content, self.csv.encoding):
            raise self._refused(f"{self.name} cannot be read as CSV.")
        twice = sorted(name for name, count in Counter(filter(None, header)).items() if count > 1)
        if twice:
            raise self._refused(
                f"{self.name} names the column '{quoted(twice[0])}' twice in its header."
            )
        return named(header)

    def _refused(self, said: str) -> CsvFileError:
        return CsvFileError(f"{said} {self.misread}".rstrip())


def _no_header(reason: str) -> str:
    """What is wrong with a first line that is refused for this reason."""
    return {
        "bare-cr": "its first line holds a carriage return outside quotes, and lines end in LF or "
        "CRLF, not in CR only",
        "text-after-quote": "in its first line text follows a closing quote",
        "not-utf8": "its first line must name the columns in the encoding that csv.encoding (for "
        "init: --encoding) names",
    }.get(reason, "its first line, which has to name the columns, is blank")


# What the marks are made of: surrogates, which no text holds and which are not valid in UTF-8.
FIRST_MARK = 0xDC00

_MARKING = "freshet-marking"


class EncodingError(OSError):
    """A file is not text in the encoding that was named."""


class Transcoder:
    """An open file, read as UTF-8.

    Args:
        file: open for reading bytes.
        encoding: in which they are text.
    """

    def __init__(self, file: Readable, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_MARKING)
        self._ended = False

    def read1(self, size: int, /) -> bytes:
        """Some of the text; nothing only at its end.

        Raises:
            OSError: the file cannot be read, or is no text in this encoding at all.
        """
        while not self._ended:
            content = self._file.read1(size)
            self._ended = not content
            if text := self._decoded(content):
                return text.encode("utf-8", "surrogatepass")
        return b""

    def _decoded(self, content: bytes) -> str:
        try:
            return self._decoder.decode(content, final=self._ended)
        except UnicodeError as error:
            raise EncodingError(
                f"it is not in the encoding '{self._encoding}' that csv.encoding (or --encoding) "
                f"names ({error})"
            ) from None


def is_utf8(encoding: str) -> bool:
    """Whether files in an encoding need no transcoding."""
    return codecs.lookup(encoding).name in {"utf-8", "utf-8-sig"}


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    unread = error.object[error.start : error.end]
    return "".join(chr(FIRST_MARK + byte) for byte in unread), error.end


codecs.register_error(_MARKING, _marked)


@contextmanager
def open_csv(
    path: str, csv: CsvSettings | None = None, *, guess: bool = False
) -> Iterator[CsvFile]:
    """Open a CSV file, standard input for ``-``, or a Parquet file as the CSV that it would be.

    Args:
        path: where it is.
        csv: its delimiter and encoding, if they are not the usual ones.
        guess: whether Excel's line ``sep=;`` may name another delimiter.

    Raises:
        CsvFileError: the file cannot be opened or has no header.
        ParquetError: it is a Parquet file that cannot be read.
    """
    with _open(path) as file:
        if path == STANDARD_INPUT:
            yield CsvFile(file, "standard input", csv, guess=guess)
        elif file.peek(len(PARQUET)).startswith(PARQUET) and file.seekable():
            delimiter = (csv or CsvSettings()).delimiter
            yield CsvFile(ParquetSource(file, path, delimiter), path, csv)
        else:
            yield CsvFile(file, path, csv, guess=guess)


@contextmanager
def opened(path: str) -> Iterator[Source]:
    """The bytes of a file, or of standard input for ``-``, decompressed if they are gzip or zstd.

    Raises:
        CsvFileError: the file cannot be opened.
    """
    with _open(path) as file:
        yield Source(file)


@contextmanager
def _open(path: str) -> Iterator[io.BufferedReader]:
    if path == STANDARD_INPUT:
        yield cast("io.BufferedReader", sys.stdin.buffer)
        return
    try:
        # Closed below; here only its errors matter.
        file = Path(path).open("rb", READ_BYTES)  # noqa: SIM115
    except OSError as error:
        raise CsvFileError(f"{path} cannot be opened: {error.strerror or error}.") from None
    with file:
        yield cast("io.BufferedReader", file)
