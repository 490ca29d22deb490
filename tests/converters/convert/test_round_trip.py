"""Rows -> text -> what Vowpal Wabbit saw -> the rows again: nothing is lost, changed or mixed up.

Names are taken from ``vw --audit`` over a file, values from VW's examples of the lines one by one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.cells.refusal import Refusal
from converters.convert.records import RowReader
from converters.convert.row_block import block_of
from converters.convert.to_vw_text import Row, compile_schema, reference
from converters.convert.whole_file import CSV_HEADERS
from converters.files.framing import csv_line
from converters.schema.schema import Schema
from tests.support.learning.vw_audit import audit
from tests.support.learning.vw_reading import Reading, VwReader, float32, ulps_apart
from tests.support.rows import random_rows, schemas
from tests.support.rows.meanings import Meaning, meanings, weight
from tests.support.rows.read_back import Decoder, Token, UnknownFeatureError, audited
from tests.support.rows.schemas import build

ROWS_OF_A_SCHEMA = 100
MOST_ULPS = 8


class Sample(NamedTuple):
    """A good row: its schema, its cells, and what the conversion made of it."""

    schema: Schema
    cells: list[str]
    converted: Row

    @property
    def line(self) -> str:
        """The row as a learner takes it."""
        (line,) = block_of([self.converted]).lines
        return line


@pytest.fixture(scope="module")
def vw() -> Iterator[VwReader]:
    """Vowpal Wabbit's own parser."""
    reader = VwReader()
    yield reader
    reader.close()


def samples(seed: int, count: int) -> list[Sample]:
    """The good ones of so many rows, under many schemas, each read as part of a CSV record."""
    dice, found = random.Random(seed), []
    for _ in range(0, count, ROWS_OF_A_SCHEMA):
        schema = random_rows.schema(dice)
        rows = [random_rows.row(dice, schema) for _ in range(ROWS_OF_A_SCHEMA)]
        record = "".join(f"{csv_line(row)}\n" for row in rows).encode()
        converted = RowReader(schema).events(record, CSV_HEADERS)
        plain = reference(schema)
        for cells, row in zip(rows, converted, strict=True):
            if isinstance(row, Refusal):
                assert row == plain(cells)
            else:
                found.append(Sample(schema, cells, row))
    return found


def seen(audited_line: str, reading: Reading) -> list[tuple[str, Token]]:
    """The features of a line with names as audited and the values that VW holds."""
    named = audited(audited_line)
    held = reading.features
    assert len(named) == len(held)
    found = []
    for (namespace, token), feature in zip(named, held, strict=True):
        assert (namespace or " ") == feature.namespace
        # Six digits; of denormal numbers fewer would be right.
        assert token.value == pytest.approx(feature.value, rel=1e-5)
        found.append((namespace, Token(token.text, feature.value)))
    return found


def assert_same(decoded: dict[str, Meaning], meant: dict[str, Meaning]) -> None:
    """Numbers to within the last places of float32, and all else exactly."""
    assert decoded.keys() == meant.keys()
    for name, value in meant.items():
        found = decoded[name]
        ours, theirs = (each if isinstance(each, tuple) else (each,) for each in (found, value))
        assert list(map(type, ours)) == list(map(type, theirs)), (name, found, value)
        for part, meant_part in zip(ours, theirs, strict=True):
            if isinstance(part, float) and isinstance(meant_part, float):
                assert ulps_apart(part, float32(meant_part)) <= MOST_ULPS
            else:
                assert part == meant_part


def assert_read(vw: VwReader, taken: Sequence[Sample], lines: Sequence[str]) -> None:
    """Each audited line is the row again."""
    decoders: dict[int, Decoder] = {}
    for sample, audited_line in zip(taken, lines, strict=True):
        (reading,) = vw.read(sample.line)
        label = sample.converted[1]
        assert reading.label == {1: 1.0, 0: -1.0, None: None}[label]
        assert reading.tag == ""
        counts = weight(sample.schema, sample.cells) if label is not None else 1.0
        assert ulps_apart(reading.weight, float32(counts)) <= MOST_ULPS
        decoder = decoders.setdefault(id(sample.schema), Decoder(sample.schema))
        decoded = decoder.row(seen(audited_line, reading))
        assert_same(decoded, meanings(sample.schema, sample.cells))


@pytest.mark.parametrize(
    ("seed", "count"),
    [(0, 3_000), *(pytest.param(n, 26_000, marks=pytest.mark.long) for n in range(1, 11))],
)
@pytest.mark.timeout(400)
def test_random_rows_come_back(vw: VwReader, tmp_path: Path, seed: int, count: int) -> None:
    """Rows of any text and numbers, decoded from what VW saw of them in one file, are the same."""
    taken = samples(seed, count)
    assert len(taken) > 0.77 * count
    assert_read(vw, taken, audit([sample.line for sample in taken], tmp_path))


@given(st.data())
@settings(schemas.UNHURRIED, max_examples=60)
def test_drawn_rows_come_back(vw: VwReader, data: st.DataObject) -> None:
    """The same for rows drawn so that what fails is made small; VW's hashes confirm the names."""
    schema = data.draw(schemas.schemas())
    cells = data.draw(schemas.rows_of(schema))
    row = compile_schema(schema).row(cells)
    if isinstance(row, Refusal):
        return
    sample = Sample(schema, cells, row)
    (reading,) = vw.read(sample.line)
    names = names_in(row[2])
    assert [vw.hash(name, space) for space, name in names] == [f.hash for f in reading.features]
    both = zip(names, reading.features, strict=True)
    features = [(space.strip(), Token(name, feature.value)) for (space, name), feature in both]
    assert_same(Decoder(schema).row(features), meanings(schema, cells))


def names_in(text: str) -> list[tuple[str, str]]:
    """(namespace, name) of each feature of a text, cut where VW cuts."""
    return [
        (section[0], token.partition(":")[0])
        for section in text.split("|")[1:]
        for token in section[1:].split(" ")
        if token
    ]


def neighbours(seed: int) -> tuple[list[Sample], random.Random]:
    """Rows that may stand beside each other, and dice to change some."""
    return samples(seed, 8 * ROWS_OF_A_SCHEMA), random.Random(seed)


@pytest.mark.parametrize("seed", [20, *(pytest.param(n, marks=pytest.mark.long) for n in (21, 22))])
def test_lines_parsed_together_are_as_parsed_alone(vw: VwReader, seed: int) -> None:
    """A block of lines gives VW the examples that the lines give one by one."""
    taken, dice = neighbours(seed)
    lines = [sample.line for sample in taken]
    dice.shuffle(lines)
    alone = [vw.read(text)[0] for text in lines]
    together = [r for at in range(0, len(lines), 128) for r in vw.read_block(lines[at : at + 128])]
    assert together == alone


@pytest.mark.parametrize("seed", [30, *(pytest.param(n, marks=pytest.mark.long) for n in (31, 32))])
def test_a_row_taken_out_or_replaced_leaves_its_neighbours(vw: VwReader, seed: int) -> None:
    """Whichever row of a record is removed or changed, VW reads the others as before."""
    taken, dice = neighbours(seed)
    by_schema: dict[int, list[Sample]] = {}
    for sample in taken:
        by_schema.setdefault(id(sample.schema), []).append(sample)
    for group in by_schema.values():
        rows, schema = [sample.cells for sample in group], group[0].schema
        before = read_record(vw, schema, rows)
        for _ in range(4):
            at = dice.randrange(len(rows))
            cut = read_record(vw, schema, rows[:at] + rows[at + 1 :])
            assert cut == before[:at] + before[at + 1 :]
            other = read_record(vw, schema, [*rows[:at], ["\n"] * len(rows[0]), *rows[at + 1 :]])
            assert other[:at] + other[len(other) - len(rows) + at + 1 :] == (
                before[:at] + before[at + 1 :]
            )


def read_record(vw: VwReader, schema: Schema, rows: Sequence[Sequence[str]]) -> list[Reading]:
    """What VW reads of the rows of one record, without those refused."""
    record = "".join(f"{csv_line(row)}\n" for row in rows).encode()
    converted = RowReader(schema).events(record, CSV_HEADERS)
    return vw.read_block(block_of(converted).lines)


def test_feature_of_no_column_is_not_decoded() -> None:
    """What none of the schema's columns can have written is an error, and not left out."""
    decoder = Decoder(build({"y": {"role": "label"}, "a": {"kind": "categorical"}}))
    with pytest.raises(UnknownFeatureError, match="feature 'b'"):
        decoder.row([("", Token("b=1", 1.0))])


def test_audit_is_cut_at_tabs_alone(tmp_path: Path) -> None:
    """Blanks of other scripts at the ends of names and values are part of them."""
    schema = build({"y": {"role": "label"}, "\u3000a\u2003": {"kind": "categorical"}})
    row = schemas.accepted(schema, ["", "\u3000x\x85"])
    (shown,) = audit([row[2]], tmp_path)
    assert Decoder(schema).row(audited(shown)) == {"\u3000a\u2003": "\u3000x\x85"}
