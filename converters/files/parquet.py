"""The rows of a Parquet file as the CSV that they would be, made while it is read.

It takes the place of a file's bytes, so that a Parquet file is read as any other history. pyarrow,
the reference implementation, reads rows in batches and writes CSV itself. (pandas reads Parquet
whole, and through pyarrow too.) It is
an optional part: the extra ``parquet``.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from converters.errors import FreshetError
from converters.files.framing import BYTE_ORDER_MARK, csv_line

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Some hundred KB of CSV at a time; pages are decoded in pieces of PAGE_BYTES.
BATCH_ROWS = 2_048
PAGE_BYTES = 2**20
# More text than this is written in several parts: a long text that each row repeats is in the
# file, and in a batch, only once.
WRITTEN_BYTES = 2 * 2**20

# In front of a row without quotes it would be no part of the first cell.
_MARK = BYTE_ORDER_MARK.encode()


class ParquetError(FreshetError):
    """A Parquet file cannot be read as rows of cells."""


class ParquetSource:
    """An open Parquet file, read as UTF-8 CSV with a header.

    Args:
        file: open for reading bytes; it must be seekable.
        name: how messages call it.
        delimiter: the character between two cells.

    Raises:
        ParquetError: pyarrow is missing, the file is damaged, or a column holds no cells.
    """

    def __init__(self, file: BinaryIO, name: str, delimiter: str = ",") -> None:
        self.name = name
        self._delimiter = delimiter
        self.size = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            import pyarrow as pa
            import pyarrow.parquet  # may be missing by itself
        except ImportError:
            raise ParquetError(
                f"{name} is a Parquet file, and pyarrow, which reads them, is not installed: "
                "pip install 'pyarrow>=22'."
            ) from None
        self._errors: tuple[type[Exception], ...] = (pa.ArrowException, OSError)
        try:
            self._file = _opened(file)
        except self._errors as error:
            raise self._damaged(error) from None
        self._rows = self._file.metadata.num_rows
        self._rows_read = 0
        self._content = io.BytesIO()
        self._pieces = self._csv()
        _check_columns(self._file.schema_arrow, name)

    def tell(self) -> int:
        """How much of the file has been read, by its rows; for showing progress."""
        read: int = self.size * self._rows_read // max(1, self._rows)
        return read

    def read1(self, size: int, /) -> bytes:
        """Some of the CSV, at most so much; nothing only at its end.

        Raises:
            ParquetError: the file is damaged.
        """
        while not (content := self._content.read(size)):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._content = io.BytesIO(piece)
        return content

    def _csv(self) -> Iterator[bytes]:
        yield (csv_line(self._file.schema_arrow.names, self._delimiter) + "\n").encode()
        parts = self._parts()
        while True:
            try:
                part = next(parts, None)
                if part is None:
                    return
                content = _written(part, self._delimiter)
            except self._errors as error:
                raise self._damaged(error) from None
            self._rows_read += part.num_rows
            yield content

    def _parts(self) -> Iterator[pa.RecordBatch]:
        for batch in self._file.iter_batches(BATCH_ROWS, use_threads=False):
            yield from _of_some_bytes(batch)

    def _damaged(self, error: Exception) -> ParquetError:
        first, *_ = str(error).splitlines() or [type(error).__name__]
        return ParquetError(
            f"{self.name} begins as a Parquet file and cannot be read as one: "
            f"{first.rstrip('.')}. Write it again, or give it as CSV."
        )


def _opened(file: BinaryIO) -> pq.ParquetFile:
    """The file, its texts as places in dictionaries, so that a long one may repeat at no cost."""
    import pyarrow.parquet as pq

    first = pq.ParquetFile(file, pre_buffer=False)
    texts = [field.name for field in first.schema_arrow if _is_text(field.type)]
    return pq.ParquetFile(
        file,
        metadata=first.metadata,
        read_dictionary=texts,
        pre_buffer=False,
        buffer_size=PAGE_BYTES,
    )


def _check_columns(schema: pa.Schema, name: str) -> None:
    """Refuse columns whose values are no cells."""
    import pyarrow as pa

    for field in schema:
        kind: Any = field.type
        values = kind.value_type if pa.types.is_dictionary(kind) else kind
        if pa.types.is_nested(values) or _is_bytes(values) or pa.types.is_duration(values):
            raise ParquetError(
                f"{name}: column '{field.name}' holds {kind}, which is no cell of a row. Leave it "
                "out of the file, or make text or numbers of it."
            )


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    plain = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return bool(plain or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _of_some_bytes(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts that are written as some MB at most, or are a single row."""
    rows: int = batch.num_rows
    if rows <= 1 or sum(map(_bytes, batch.columns)) <= WRITTEN_BYTES:
        yield batch
        return
    yield from _of_some_bytes(batch.slice(0, rows // 2))
    yield from _of_some_bytes(batch.slice(rows // 2))


def _bytes(column: pa.Array) -> int:
    """How much a column's cells are once each is written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_text(column.type.value_type):
        return int(column.indices.nbytes)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return pc.sum(lengths).as_py() or 0


def _written(batch: pa.RecordBatch, delimiter: str) -> bytes:
    """A batch as rows of CSV; missing values are empty cells."""
    import pyarrow as pa

    columns = list(map(_cells, batch.columns))
    plain = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    # pyarrow quotes every text where it may quote at all; rows without quotes are read quicker.
    try:
        content = _as_csv(plain, delimiter, "none")
    except pa.ArrowInvalid:
        return _as_csv(plain, delimiter, "needed")
    if content.startswith(_MARK) or b"\n" + _MARK in content:
        return _as_csv(plain, delimiter, "needed")
    return content


def _as_csv(batch: pa.RecordBatch, delimiter: str, quoting: str) -> bytes:
    import pyarrow.csv as pc

    out = io.BytesIO()
    options = pc.WriteOptions(include_header=False, delimiter=delimiter, quoting_style=quoting)
    pc.write_csv(batch, out, options)
    return out.getvalue()


def _cells(column: pa.Array) -> pa.Array:
    """A column as its CSV would hold it: 2.0 as ``2.0``, as pandas and JSON spell it.

    NaN is no value, as null is: pandas, polars and Spark keep either for the same missing cell.
    """
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string_view(column.type):  # which is not written as CSV
        return column.cast(pa.string())
    if not pa.types.is_floating(column.type):
        return column
    values = column.to_numpy(zero_copy_only=False)
    missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return pa.array(values.astype(str), pa.string(), mask=missing)
