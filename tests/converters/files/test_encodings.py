"""Files in other encodings: read as UTF-8, in bounded memory, row by row."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.config.load import ConfigError, from_values
from converters.config.settings import CsvSettings, Encoding
from converters.files.csv_file import CsvFile, Transcoder
from tests.support.rows.schemas import build

ENCODINGS = [
    *("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252", "iso8859-15"),
    *("koi8-r", "cp437", "shift_jis", "gb18030", "big5", "euc-jp", "cp037"),
]
ROWS = 'k,note\n1,café\n2,"a\nb"\n'


def read(content: bytes, encoding: Encoding) -> list[list[str] | Refusal]:
    """The cells of each row of a file, the header among them."""
    file = CsvFile(io.BytesIO(content), "f.csv", CsvSettings(encoding=encoding))
    return [file.header, *(file.dialect.cells_of(row.content) for row in file.rows())]


@pytest.mark.parametrize(
    "encoding", ["latin-1", "cp1252", "utf-16", "utf-32", "utf-16-be", "cp037"]
)
def test_other_encodings(encoding: str) -> None:
    """The cells of a file are those that were written, whatever the encoding."""
    assert read(ROWS.encode(encoding), encoding) == [["k", "note"], ["1", "café"], ["2", "a\nb"]]


def test_rows_are_utf8() -> None:
    """What a file hands on, and ``produce`` sends, is UTF-8."""
    file = CsvFile(io.BytesIO(ROWS.encode("cp1252")), "f.csv", CsvSettings(encoding="cp1252"))
    assert next(file.rows()).content == "1,café".encode()


@given(st.text(), st.sampled_from(ENCODINGS), st.integers(1, 7))
@settings(deadline=None)
def test_any_text_in_any_steps(text: str, encoding: str, step: int) -> None:
    """However a file arrives, it is the UTF-8 of the text that was written."""
    content = text.encode(encoding, "ignore")
    transcoder = Transcoder(Stepping(content, step), encoding)
    found = b"".join(iter(lambda: transcoder.read1(100), b""))
    assert found.decode() == content.decode(encoding)


class Stepping(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe does."""

    def __init__(self, content: bytes, step: int) -> None:
        super().__init__(content)
        self._step = step

    def read1(self, size: int | None = -1, /) -> bytes:
        """The next few bytes."""
        return super().read1(self._step)


UNREADABLE = [
    ("cp1252", b"k\n1\n\x81x\n2\n", r"\x81x"),
    ("ascii", b"k\n1\n\xc3\xa9\n2\n", r"\xc3\xa9"),
    ("shift_jis", b"k\n1\nx\x81\n2\n", r"x\x81"),
    ("gb18030", b"k\n1\n\xff\n2\n", r"\xff"),
    ("utf-16-le", "k\n1\nx\ud800y\n2\n".encode("utf-16-le", "surrogatepass"), r"x\x00\xd8y"),
    ("utf-8", b"k\n1\ncaf\xe9\n2\n", r"caf\xe9"),
]


@pytest.mark.parametrize(("encoding", "content", "shown"), UNREADABLE)
def test_bytes_that_cannot_be_read_refuse_their_row(
    encoding: str, content: bytes, shown: str
) -> None:
    """Not another: the rows around it live, and the refusal shows the file's own bytes."""
    assert read(content, encoding) == [["k"], ["1"], Refusal("not-utf8", "", shown), ["2"]]


@given(st.lists(st.binary(max_size=12), max_size=5), st.sampled_from(["ascii", "cp1252", "cp932"]))
@settings(deadline=None)
def test_a_readable_row_lives_beside_any_bytes(rows: list[bytes], encoding: str) -> None:
    """Whatever stands in the lines around it, a good row comes out."""
    content = b"k\n" + b"".join(row.replace(b'"', b"") + b"\ngood\n" for row in rows)
    assert read(content, encoding).count(["good"]) >= len(rows)


def test_half_a_character_at_the_end() -> None:
    """A file cut within a character has a last row that cannot be read."""
    *_, last = read("k\n1\n2x".encode("utf-16-le")[:-1], "utf-16-le")
    assert isinstance(last, Refusal)


def test_memory_stays_flat() -> None:
    """A large file is not held."""
    content = "k,note\n".encode("utf-16") + "1,café\n".encode("utf-16-le") * 400_000
    file = CsvFile(io.BytesIO(content), "f.csv", CsvSettings(encoding="utf-16"))
    tracemalloc.start()
    assert sum(len(block.rows) for block in file.blocks()) == 400_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


CONFIG = {
    "model": "m",
    "columns": {"a": {"kind": "categorical"}, "y": {"role": "label"}},
    "label": {"positive": ["1"], "negative": ["0"]},
}


@pytest.mark.parametrize(
    "encoding", ["nope", "rot13", "hex", "idna", "punycode", "undefined", "x\0"]
)
def test_an_encoding_that_is_none(tmp_path: Path, encoding: str) -> None:
    """What Python does not know as an encoding of text is refused with the key."""
    with pytest.raises(ConfigError, match=r"'csv\.encoding' is wrong: '.* is no encoding"):
        from_values({**CONFIG, "csv": {"encoding": encoding}}, tmp_path / "freshet.toml")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings_that_are_some(encoding: str) -> None:
    """Text encodings that hold ASCII can be named."""
    assert CsvSettings(encoding=encoding).encoding == encoding


@pytest.mark.parametrize(
    "delimiter", ["", ",,", '"', "\n", "\r", "\0", "a", "7", " ", "-", ".", "[", "§"]
)
def test_a_delimiter_that_is_none(tmp_path: Path, delimiter: str) -> None:
    """What would frame rows or cut numbers does not part cells; the error names the key."""
    with pytest.raises(ConfigError, match=r"'csv\.delimiter' is wrong: ['\"].* separate cells"):
        from_values({**CONFIG, "csv": {"delimiter": delimiter}}, tmp_path / "freshet.toml")


def test_the_encoding_is_no_part_of_the_schema() -> None:
    """How a file is written does not make another model of it; what parts its cells does."""
    columns = CONFIG["columns"]
    assert build(columns).hash == build(columns, csv={"encoding": "cp1252"}).hash  # type: ignore[arg-type]
    assert build(columns).hash != build(columns, csv={"delimiter": ";"}).hash  # type: ignore[arg-type]
