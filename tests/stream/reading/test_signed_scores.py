"""What callers were given, in headers of events: read where a server of this home signed it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from learners.evaluation.served_lag import WHY_IGNORED
from stream.log.batch import Batch
from stream.log.contract import Outgoing, Place, Record
from stream.log.signed_scores import (
    FORGED,
    KEY_FILE,
    NO_KEY,
    OTHER_ROWS,
    SCORES,
    SIGNATURE,
    Answer,
    KeyFileError,
    Served,
    key_of,
    make_key,
    signed,
)
from stream.reading.conversion import record_reader
from stream.reading.record_reader import RecordReader
from tests.support.serving.project import Project, flights

ANSWER = Answer(7, 40, 1_000, 3_500)
EVENTS = Place("flights.events", 0)
GIVEN = [0.1, 1 / 3]
OTHER_KEY = bytes(32)


def rows(first: int, count: int = 2) -> bytes:
    """Some rows as CSV."""
    return "\n".join(map(",".join, flights(first + count)[first:])).encode()


def remembered(project: Project, first: int = 0) -> Outgoing:
    """A record of two rows with what their caller was given."""
    key = make_key(project.settings.home)
    return signed(Outgoing(rows(first)), EVENTS.topic, ANSWER, GIVEN, key)


def arrived(*sent: Outgoing, place: Place = EVENTS) -> list[Record]:
    """Records as they are read again."""
    return [Record(place, at, 5, each.value, each.headers) for at, each in enumerate(sent)]


def read(project: Project, records: list[Record]) -> Batch:
    """The batch of some records; the plain reader finds the same."""
    reader = record_reader(project.context)
    found, plain = reader.batch(records, {}), RecordReader(**vars(reader)).batch(records, {})
    assert (found.events.served, found.ignored) == (plain.events.served, plain.ignored)
    return found


def test_signed_scores_are_read_with_their_rows(tmp_path: Path) -> None:
    """To the last bit, each at its row, with version, lessons and age; among others without."""
    project = Project(tmp_path)
    batch = read(project, arrived(Outgoing(rows(4)), remembered(project), Outgoing(rows(6))))
    expected = {2: Served(0.1, 7, 40, 2_500), 3: Served(1 / 3, 7, 40, 2_500)}
    assert (batch.events.served, dict(batch.ignored)) == (expected, {})
    assert list(batch.events.ids) == ["f4", "f5", "f0", "f1", "f6", "f7"]
    assert [len(batch.taken(at).served) for at in range(3)] == [0, 2, 0]  # type: ignore[union-attr]


def header(sent: Outgoing, name: str, held: bytes) -> Outgoing:
    """With another content of a header."""
    others = tuple(each for each in sent.headers if each[0] != name)
    return sent._replace(headers=(*others, (name, held)))


def test_forged_scores_are_ignored_and_counted(tmp_path: Path) -> None:
    """Made up, altered, moved to other rows or another topic, doubled, halved: rows alone count."""
    project = Project(tmp_path)
    right = remembered(project)
    said, signature = (dict(right.headers)[name] for name in (SCORES, SIGNATURE))
    forged = (
        header(right, SCORES, said.replace(b"0.1", b"0.9")),
        header(right, SCORES, said.replace(b'"version":7', b'"version":8')),
        header(right, SCORES, said.replace(b'"time":3500', b'"time":1500')),
        header(right, SIGNATURE, b"0" * 64),
        header(right, SIGNATURE, b""),
        right._replace(value=rows(2)),
        right._replace(headers=(("columns", b"id"), *right.headers)),
        right._replace(headers=(*right.headers, (SCORES, said))),
        right._replace(headers=((SCORES, said),)),
        right._replace(headers=((SIGNATURE, signature),)),
        signed(Outgoing(rows(2)), EVENTS.topic, ANSWER, GIVEN, OTHER_KEY),
        signed(
            Outgoing(rows(2)), "another.topic", ANSWER, GIVEN, key_of(project.settings.home) or b""
        ),
    )
    for each in forged:
        batch = read(project, arrived(each))
        assert (batch.events.served, batch.ignored) == ({}, {FORGED: 1}), each.headers
        assert len(batch.events.ids) == len(batch.events.labels) == batch.records[0].rows


def test_signed_scores_of_other_rows_or_of_labels_are_ignored(tmp_path: Path) -> None:
    """A record with another number of rows than scores; and a record of labels."""
    project = Project(tmp_path)
    key = make_key(project.settings.home)
    few = signed(Outgoing(rows(0)), EVENTS.topic, ANSWER, [0.5], key)
    assert read(project, arrived(few)).ignored == {OTHER_ROWS: 1}
    labels = Place("flights.labels", 0)
    label = signed(Outgoing(b"f1,1"), labels.topic, ANSWER, [0.5], key)
    batch = read(project, arrived(label, place=labels))
    assert (batch.ignored, batch.labels.ids) == ({OTHER_ROWS: 1}, ["f1"])


def test_without_a_key_scores_are_ignored_and_counted(tmp_path: Path) -> None:
    """A learner whose home has no key says so; once the key is there, it counts what comes."""
    project = Project(tmp_path / "learner")
    elsewhere = Project(tmp_path / "server")
    sent = arrived(remembered(elsewhere))
    reader = record_reader(project.context)
    assert reader.batch(sent, {}).ignored == {NO_KEY: 1}
    key = (elsewhere.settings.home / KEY_FILE).read_bytes()
    project.settings.home.mkdir(parents=True, exist_ok=True)
    (project.settings.home / KEY_FILE).write_bytes(key)
    assert len(reader.batch(sent, {}).events.served) == 2


def test_one_key_is_made_whoever_asks(tmp_path: Path) -> None:
    """Several at once get the same, for the owner alone, and nothing else is left behind."""
    home = tmp_path / "home"
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(make_key, [home] * 32))
    assert keys == {key_of(home)}
    assert [each.name for each in home.iterdir()] == [KEY_FILE]
    assert stat.S_IMODE((home / KEY_FILE).stat().st_mode) == 0o600


def test_a_damaged_key_is_an_error(tmp_path: Path) -> None:
    """It is never taken for another one, nor replaced."""
    for content in (b"", b"abcd", b"no key", b"\xff"):
        (tmp_path / KEY_FILE).write_bytes(content)
        with pytest.raises(KeyFileError, match=KEY_FILE):
            make_key(tmp_path)


def test_every_reason_has_words() -> None:
    """So that status and report say what helps."""
    assert WHY_IGNORED.keys() == {FORGED, NO_KEY, OTHER_ROWS}


def test_readers_that_nobody_asks_take_rows_alone(tmp_path: Path) -> None:
    """Without what reads the headers, rows are the same."""
    project = Project(tmp_path)
    reader = replace(record_reader(project.context), signed=None)
    batch = reader.batch(arrived(remembered(project)), {})
    assert (batch.events.served, list(batch.events.ids)) == ({}, ["f0", "f1"])
