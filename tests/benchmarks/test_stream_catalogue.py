"""The catalogue of streams: each is told apart and described, and its bytes are those recorded."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.streams.catalogue import STREAMS, Stream, csv_file
from benchmarks.streams.cell_text import as_text, read_text
from benchmarks.streams.digests import DIGESTS

BY_NAME = {stream.name: stream for stream in STREAMS}
# Small, and out of a package that Freshet itself stands on.
SMALL = ("bananas", "segments")


def forbidden() -> pd.DataFrame:
    """A source that must not be asked."""
    raise AssertionError("the file was made again")


def from_source(name: str, source: Callable[[], pd.DataFrame]) -> Stream:
    """A stream of the catalogue with its table from elsewhere."""
    return dataclasses.replace(BY_NAME[name], source=source)


def test_every_stream_has_a_name_of_its_own_a_title_and_a_digest() -> None:
    """A name that stood twice would let one stream's file pass for the other's."""
    assert len(BY_NAME) == len(STREAMS) == len(DIGESTS)
    assert set(BY_NAME) == set(DIGESTS)
    for stream in STREAMS:
        assert stream.title.strip(), stream.name
        assert "\n" not in stream.title, stream.name
        assert stream.label, stream.name
        assert stream.positive, stream.name
        assert stream.ordered or stream.time is None, stream.name


@pytest.mark.parametrize("name", SMALL)
def test_small_streams_have_the_recorded_bytes(name: str, tmp_path: Path) -> None:
    """The label stands in the file, and some rows but not all are positive."""
    stream = BY_NAME[name]
    path = csv_file(stream, tmp_path / "cache")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == DIGESTS[name]
    assert b"\r" not in path.read_bytes()
    assert 0.1 < read_text(path)[stream.label].isin(stream.positive).mean() < 0.9
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    """It is made once; a file with other bytes is replaced."""
    name = SMALL[0]
    path = csv_file(BY_NAME[name], tmp_path)
    content = path.read_bytes()
    assert csv_file(from_source(name, forbidden), tmp_path) == path
    path.write_bytes(content[:-2])
    csv_file(BY_NAME[name], tmp_path)
    assert path.read_bytes() == content


def test_other_bytes_than_recorded_are_refused(tmp_path: Path) -> None:
    """Another version of a package may hold other rows; nothing is written then."""
    name = SMALL[0]
    cut = from_source(name, lambda: BY_NAME[name].source().head(-1))
    with pytest.raises(ValueError, match=r"digests\.py"):
        csv_file(cut, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_cells_are_written_as_a_file_would_hold_them() -> None:
    """Missing is nothing, whole numbers have no fraction, fractions no more digits than needed."""
    table = pd.DataFrame({"n": [1.0, 0.1, float("nan")], "b": [True, False, True], "i": [1, 2, 3]})
    assert as_text(table).to_dict("list") == {
        "n": ["1", "0.1", ""],
        "b": ["True", "False", "True"],
        "i": ["1", "2", "3"],
    }
