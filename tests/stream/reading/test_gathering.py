"""Batches whose records are gathered to blocks: the same rows as record by record."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converters.config import load
from converters.convert.records import AT_THE_TOP
from converters.convert.whole_file import CSV_HEADERS
from converters.files.framing import csv_line
from converters.schema import schema
from converters.schema.writer_schema import WriterSchema
from stream.log.batch import Batch, EventColumns
from stream.log.contract import Place, Record
from stream.reading import gathering
from stream.reading.conversion import record_reader
from stream.reading.record_reader import RecordReader
from stream.resolved_config import ResolvedConfig, WrittenUntil, resolve, with_writers
from tests.support.rows import schemas
from tests.support.serving.alike_lists import alike_rows

Said = tuple[tuple[str, bytes], ...]

EVENTS, LABELS = Place("m.events", 0), Place("m.labels", 1)
NAMES = ("id", "late", "sex", "amount", "at", "weight")
COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"role": "id"},
    "late": {"role": "label"},
    "sex": {"role": "protected"},
    "amount": {"kind": "numeric"},
    "at": {"role": "time"},
    "weight": {"role": "weight"},
}
KEPT = {"value": {"true_positive": 5, "scale": "amount"}}
NONE_KEPT: dict[str, Any] = {"evaluation": {"slices": []}}


def context(*left_out: str, **sections: Any) -> ResolvedConfig:
    """A config with these columns but some, and other sections."""
    columns = {name: COLUMNS[name] for name in NAMES if name not in left_out}
    values = {
        "model": "m",
        "columns": columns,
        "label": {"positive": ["1"], "negative": ["0"]},
        "learner": {"args": "-b 10"},
        **sections,
    }
    read = load.from_values(values, Path("freshet.toml"))
    return resolve(read, schema.from_settings(read))


WRITTEN = WriterSchema(("late", "id", "gone", "amount"), ";", False, (), ())
CONTEXTS = {
    "kept cells, weights": context(**KEPT),
    "no weights": context("weight", **KEPT),
    "nothing kept": context("weight", "at", **NONE_KEPT),
    "numbers that --coin refuses": context("at", "weight", learner={"args": "-b 10 --coin"}),
    "whole numbers as ids": context(
        "weight", columns={**COLUMNS, "id": {"role": "id", "kind": "integer"}}
    ),
    "other writers before": with_writers(
        context("weight"), [WrittenUntil({"m.events": {0: 9}, "m.labels": {1: 9}}, WRITTEN)]
    ),
}
ODD = {
    "id": ("", "i" * 5_000, "7.0", "é"),
    "late": ("", "", "yes", "2"),
    "sex": ("", "1.0", "True", "a|b"),
    "amount": ("", "1e-16", "1e20", "x", "-0.0", "123456789"),
    "at": ("", "never"),
    "weight": ("", "2.5", "0.5", "-1"),
}
USUAL = {
    "id": ("1", "2", "37"),
    "late": ("0", "1"),
    "sex": ("f", "m"),
    "amount": ("1", "2.5", "40"),
    "at": ("2024-01-01T00:00:00Z",),
    "weight": ("1",),
}


class Stream:
    """Records drawn from a seed: now plain ones, now all kinds of others."""

    def __init__(self, seed: int, names: tuple[str, ...]) -> None:
        self.dice = random.Random(seed)
        self.names = names
        self.odd = self.dice.choice((0.0, 0.001, 0.05))
        self.others = self.dice.choice((0.0, 0.1, 0.5))
        self.most = self.dice.choice((3, 60, 400))

    def records(self) -> list[Record]:
        """Some of them, of both topics in turn."""
        count = self.dice.randrange(1, 25 if self.most > 60 else 60)
        return [self.record(offset) for offset in range(count)]

    def record(self, offset: int) -> Record:
        """The next one."""
        place = self.dice.choice((EVENTS, EVENTS, LABELS))
        time = self.dice.choice((-1, 5, 10**12))
        if self.dice.random() < self.others / 5:
            return Record(place, offset, time, b"", is_null=True)
        if self.dice.random() < self.others / 5:
            value = self.dice.choice((b"", b"\n", b"\n\n\n", b"{", b"[1, {}]", b"\xff,1", b'a,"b'))
            return Record(place, offset, time, value)
        names = ("id", "late") if place is LABELS else self.names
        headers: Said = ()
        if place is LABELS and self.dice.random() < 0.3:
            names = ("id", "late", "at")
        elif place is EVENTS and self.dice.random() < self.others / 4:
            names = tuple(self.dice.sample(names, len(names)))
            headers = (("columns", ",".join(names).encode()),)
        rows = [
            [self.cell(name) for name in names]
            for _ in range(self.dice.randrange(1, self.most + 1))
        ]
        if self.dice.random() < self.others:
            return Record(place, offset, time, *self.other(names, rows, headers))
        ending = self.dice.choice((b"", b"\n"))
        return Record(place, offset, time, lines(rows) + ending, headers)

    def cell(self, name: str) -> str:
        """A cell of a column: a good one, or now and then an odd one."""
        usual = self.dice.random() >= self.odd
        return self.dice.choice(USUAL[name] if usual else ODD[name])

    def other(
        self, names: tuple[str, ...], rows: list[list[str]], headers: Said
    ) -> tuple[bytes, Said]:
        """The rows in a form that is not just lines, or a header that says what they are."""
        spelt = [dict(zip(names, row, strict=True)) for row in rows]
        if names[0] == "id" and names[1:2] == ("late",) and len(names) < 4:
            spelt = [dict(zip(("id", "label", "time"), row, strict=False)) for row in rows]
        text = lines(rows)
        return self.dice.choice(
            (
                (json.dumps(spelt).encode(), ()),
                (json.dumps(spelt[0]).encode(), (AT_THE_TOP,)),
                (text, (*headers, *CSV_HEADERS)),
                (text.replace(b"\n", b"\r\n"), headers),
                (b"\xef\xbb\xbf" + text, headers),
                (text + b"\xff", headers),
                (text + b"\n1,2,3,4,5,6,7,8", headers),
                (text.replace(b"f", b'"f"'), headers),
                (b" " + text, headers),
                (text, (("columns", b"id,who"),)),
                (text, (("columns", b"a;b"), ("trace", b"7"))),
            )
        )


def lines(rows: list[list[str]]) -> bytes:
    """The rows as CSV."""
    return "\n".join(csv_line(row) for row in rows).encode()


def rows_of(events: EventColumns) -> list[Any]:
    """Everything that a batch says of its event rows."""
    rows = range(len(events.ids))
    assert sum(block.count for block in events.blocks) == len(events.lines)
    return [(events.row(at), events.kept(at)) for at in rows]


def same(found: Batch, plain: Batch) -> None:
    """The two say the same."""
    assert found.records == plain.records
    assert all(type(record) is type(plain.records[0]) for record in found.records)
    assert rows_of(found.events) == rows_of(plain.events)
    assert (found.events.lines, found.labels) == (plain.events.lines, plain.labels)
    assert (found.cells, found.cut) == (plain.cells, plain.cut)


@pytest.mark.parametrize("name", CONTEXTS)
@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32))
def test_gathered_records_are_read_as_each_by_itself(name: str, seed: int) -> None:
    """CSV, JSON, quotes, headers, other writers, refused rows: rows, labels, cells and counts."""
    of = CONTEXTS[name]
    records = Stream(seed, of.schema.names).records()
    gathered, plain = record_reader(of), RecordReader(**vars(record_reader(of)))
    same(gathered.batch(records, {}), plain.batch(records, {}))


ODD_RECORDS = (
    *(b"", b"{", b"[]", b'{"id": "1"', b'"late": "1"}', b"1,1,f,2.5", b'{"id": "x', b'{y"}'),
    *(b'{"id": 1}\n,{"id": 2}', b'[{"id": 1}],[{"id": 2}]', b'{"id": 1},', b'{"id": "\\u0041"}'),
)


@pytest.mark.parametrize("name", CONTEXTS)
@schemas.UNHURRIED
@given(rows=alike_rows(NAMES), seed=st.integers(0, 2**32), together=st.booleans())
def test_gathered_objects_are_read_as_each_by_itself(
    name: str, rows: list[str], seed: int, together: bool
) -> None:
    """JSON, an object or a list a record, some of them others than those around them."""
    of, dice = CONTEXTS[name], random.Random(seed)
    values = [row.encode("utf-8", "surrogatepass") for row in rows]
    sent = [dice.choice(values) + dice.choice((b"", b"", b"\n")) for _ in range(70)]
    if together:
        sent[3] = b"[%b]" % b", ".join([*sent[:40]] * 4)
        for _ in range(dice.randrange(3)):
            sent[dice.randrange(70)] = dice.choice((*ODD_RECORDS, *values))
    headers: Said = dice.choice(((), (("content-type", b"application/json"),)))
    records = [Record(EVENTS, at, 5, value, headers) for at, value in enumerate(sent)]
    gathered, plain = record_reader(of), RecordReader(**vars(record_reader(of)))
    for part in records[:50], records[50:], records[:50]:
        same(gathered.batch(part, {}), plain.batch(part, {}))


def test_objects_of_single_records_become_one_block() -> None:
    """As the lines of single records do; null among texts is no other shape."""
    written = [{"id": n, "late": 1, "sex": [None, "f"][n % 2], "amount": 2.5} for n in range(200)]
    for values in (
        [json.dumps(row).encode() for row in written],
        [json.dumps(written).encode()],
        [json.dumps(row, separators=(",", ":")).encode() + b"\n" for row in written],
    ):
        records = [Record(EVENTS, at, 1, value) for at, value in enumerate(values)]
        reader = record_reader(context("at", "weight"))
        reader.batch(records[1:] or records, {})  # the first one has a null
        with patch.object(RecordReader, "cells_of", side_effect=AssertionError):
            events = reader.batch(records, {}).events
        assert [block.count for block in events.blocks] == [200]
        assert events.ids == [str(n) for n in range(200)]


def test_records_of_few_rows_become_blocks_of_many() -> None:
    """However few rows a record has, and are left at the end, blocks are known to be plain."""
    value = b"\n".join([b"1,1,f,2.5"] * 3)
    records = [Record(EVENTS, offset, 1, value) for offset in range(684)]
    of = record_reader(context("at", "weight"))
    for count, sizes in ((200, [256, 256, 88]), (684, [*[256] * 7, 254, 6]), (1, [3])):
        blocks = of.batch(records[:count], {}).events.blocks
        assert [block.count for block in blocks] == sizes
        assert all(block.plain for block in blocks)


@pytest.mark.parametrize("odd", [b'{"id": 1}', b"", b"null", b'1,1,"f",2.5'])
def test_records_behind_an_odd_one_are_gathered_as_ever(odd: bytes) -> None:
    """What is found of a record that is not its lines holds for none that follows."""
    value = b"\n".join([b"1,1,f,2.5"] * 3)
    values = [odd, *[value] * 200]
    records = [Record(EVENTS, offset, 1, each) for offset, each in enumerate(values)]
    blocks = record_reader(context("at", "weight")).batch(records, {}).events.blocks
    counts = [block.count for block in blocks if block.count > 1]
    assert 600 <= sum(counts) <= 601
    assert len(counts) <= 4
    assert all(block.plain for block in blocks[-2:])


def test_a_record_of_many_rows_becomes_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that does not fit is converted by itself, and no other one of the record."""
    monkeypatch.setattr(gathering, "MOST_IN_BLOCK", 100)
    value = b"\n".join([*[b"1,1,f,2.5"] * 299, b"torn"])
    events = record_reader(context("at", "weight")).batch([Record(EVENTS, 0, 1, value)], {}).events
    assert [block.count for block in events.blocks] == [100, 100, 99]
    assert [refusal.reason for refusal in events.refused.values()] == ["wrong-width"]


def test_a_refused_row_leaves_the_others_of_its_block_together() -> None:
    """They are converted by column, and so are known to be plain, as without it."""
    rows = [b"%d,1,f,2.5" % at for at in range(200)]
    rows[70], rows[90] = b"70,1,f,x", b"90,yes,f,1"
    of = record_reader(context("at", "weight"))
    events = of.batch([Record(EVENTS, 0, 1, b"\n".join(rows))], {}).events
    assert [(block.count, block.plain) for block in events.blocks] == [(198, True)]
    assert {at: (events.ids[at], row.reason) for at, row in events.refused.items()} == {
        70: ("", "not-a-number"),
        90: ("", "bad-label"),
    }
    assert [events.ids[at] for at in (69, 71, 89, 91, 199)] == ["69", "71", "89", "91", "199"]


def test_a_block_with_one_line_that_is_not_plain_is_not() -> None:
    """The learner's own look decides of a number that not every learner takes."""
    plain, odd = b"\n".join([b"1,1,f,2.5"] * 30), b'[{"id": 1, "late": 1, "amount": 1e-16}]'
    of = record_reader(context("at", "weight"))
    records = [Record(EVENTS, at, 1, value) for at, value in enumerate((plain, odd))]
    assert [(b.count, b.plain) for b in of.batch(records, {}).events.blocks] == [(31, False)]
