"""The SQLite log's own: its file, several processes on it, and what goes wrong with files."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.log.contract import (
    EventLog,
    LogError,
    LogUnavailableError,
    Outgoing,
    Place,
    PositionError,
    poll,
)
from stream.log_sqlite import file
from stream.log_sqlite.file import MOST_VALUES, packed, unpacked
from stream.log_sqlite.log import SqliteLog
from tests.support.streams.log_processes import next_line, running
from tests.support.streams.logs import make_topic, outgoing, read_all, values

PLACE = Place("t", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteLog]:
    """A log with a topic of one partition."""
    with closing(SqliteLog(path)) as log:
        make_topic(log, "t")
        yield log


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8")), st.binary())).map(tuple))
def test_headers_are_read_as_they_were_written(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Any names and contents, in any number and order, survive the packed form."""
    assert unpacked(packed(headers)) == headers


def test_a_new_file_may_be_opened_by_many_at_once(path: Path) -> None:
    """Of several that open a missing file at the same time, each gets the same log."""
    logs: list[EventLog] = []

    def open_and_create() -> None:
        log = SqliteLog(path)
        make_topic(log, "t")
        logs.append(log)

    threads = [threading.Thread(target=open_and_create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({log.describe(["t"])["t"].topic_id for log in logs}) == 1
    assert len(logs) == 8
    for log in logs:
        log.close()


def test_what_was_appended_is_there_after_reopening(log: SqliteLog, path: Path) -> None:
    """A log that is opened again holds the same topic with the same records."""
    log.append("t", outgoing(b"a"))
    before = log.describe(["t"])
    log.close()
    with closing(SqliteLog(path)) as again:
        assert again.describe(["t"]) == before
        assert values(read_all(again, {PLACE: 0})) == [b"a"]


def test_offsets_are_never_used_again(log: SqliteLog, path: Path) -> None:
    """After the last records were deleted the next one gets an offset of its own."""
    log.append("t", outgoing(b"a", b"b"))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM records")
    assert log.append("t", outgoing(b"c")) == [(0, 2)]
    state = log.describe(["t"])["t"]
    assert (state.begins, state.ends) == ({PLACE: 2}, {PLACE: 3})


@pytest.mark.parametrize("count", [1, 199, 200, 249, 250, 333, 334, 600])
@pytest.mark.parametrize(("headers", "keys"), [(1, 1), (1, 0), (0, 1), (0, 0)])
def test_many_records_take_few_statements(
    log: SqliteLog, count: int, headers: int, keys: int
) -> None:
    """They are all there, in order and with all they have, under offsets without a gap."""
    statements: list[str] = []
    log._connection.set_trace_callback(statements.append)
    sent = [
        Outgoing(
            b"v%d" % n if n % 5 else b"",
            n,
            (("n", b"%d" % n),) if headers and n % 2 else (),
            b"k" * (n % 2) if keys and n % 3 else None,
        )
        for n in range(1, count + 1)
    ]
    given = log.append("t", sent)
    assert given == [(0, offset) for offset in range(count)]
    found = read_all(log, {PLACE: 0})
    assert [(r.value, r.time, r.headers, r.key) for r in found] == [
        (r.value, r.time, r.headers, r.key) for r in sent
    ]
    inserted = [text for text in statements if text.startswith("INSERT INTO records")]
    columns = 3 + any(r.headers for r in sent) + any(r.key is not None for r in sent)
    assert len(inserted) == -(-count // (MOST_VALUES // columns))


def test_a_hole_in_the_history_is_missed(log: SqliteLog, path: Path) -> None:
    """A record deleted in the middle stops the reader: what is left is not what was learned."""
    log.append("t", outgoing(*[b"x"] * 10))
    with closing(log.read({PLACE: 0})) as reader:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM records WHERE id & 255 = 5")
        with pytest.raises(PositionError, match="between offsets 0 and 9 are gone"):
            poll(reader, 1.0)


def test_every_connection_syncs_what_it_commits(log: SqliteLog) -> None:
    """Log and writer commit with synchronous=FULL, so that a 202 survives a power cut."""
    with closing(log.writer("w")) as writer:
        for connection in (log._connection, writer._connection):
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_news_from_elsewhere_is_seen_within_a_moment(log: SqliteLog) -> None:
    """A waiting poll returns within 50 ms of another connection's commit (best of five)."""
    seen, done = [], []
    with closing(log.read({PLACE: 0})) as reader:

        def wait() -> None:
            while not poll(reader, 5.0):
                pass
            seen.append(time.monotonic())

        for _ in range(5):
            waiting = threading.Thread(target=wait)
            waiting.start()
            time.sleep(0.05)
            log.append("t", outgoing(b"a"))
            done.append(time.monotonic())
            waiting.join()
    assert min(after - before for after, before in zip(seen, done, strict=True)) < 0.05


def test_the_write_ahead_log_stays_short_beside_a_reader(log: SqliteLog, path: Path) -> None:
    """While a reader follows, 100 MB of appends leave a write-ahead log of a few."""
    with closing(log.read({PLACE: 0})) as reader:
        longest, read = 0, 0
        for _ in range(100):
            log.append("t", outgoing(*[b"x" * 10_000] * 100))
            read += len(poll(reader, 0.0))
            longest = max(longest, path.with_name("log.db-wal").stat().st_size)
        while batch := poll(reader, 0.0):
            read += len(batch)
    assert read == 10_000
    assert longest < 40_000_000


def test_a_locked_file_is_reported(
    log: SqliteLog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the lock too long, the error says so; later all is well."""
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.2)
    with closing(SqliteLog(path)) as impatient:
        with running("hold", str(path)) as process:
            assert next_line(process) == "locked"
            with pytest.raises(LogUnavailableError, match=f"{path} has been locked by another"):
                impatient.append("t", outgoing(b"a"))
            with pytest.raises(LogUnavailableError, match="locked"):
                impatient.writer("w")
            assert impatient.describe(["t"])["t"].ends == {PLACE: 0}
        assert impatient.append("t", outgoing(b"b")) == [(0, 0)]


def test_a_full_disk_is_reported_and_nothing_kept(log: SqliteLog) -> None:
    """A write that does not fit is undone whole, by the log and by a writer; reading goes on."""
    log.append("t", outgoing(b"a"))
    with closing(log.writer("w")) as writer:
        for connection in (log._connection, writer._connection):
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(LogError, match="the disk is full"):
            log.append("t", outgoing(b"b", b"x" * 10**6))
        with pytest.raises(LogError, match="the disk is full"):
            writer.write({"t": outgoing(b"c", b"x" * 10**6)})
    assert values(read_all(log, {PLACE: 0})) == [b"a"]
    assert log.append("t", outgoing(b"d")) == [(0, 1)]


def test_a_file_that_cannot_be_written_is_reported(log: SqliteLog) -> None:
    """A read-only log says to look at the permissions."""
    log._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(LogError, match=r"cannot be written\. Check the permissions"):
        log.append("t", outgoing(b"a"))


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """Text under the log's name is left as it is."""
    text = b"id,label\n" * 1_000
    path.write_bytes(text)
    with pytest.raises(LogError, match="is not a SQLite database"):
        SqliteLog(path)
    assert path.read_bytes() == text


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    """Another program's tables are left as they are, to the byte."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE people (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(LogError, match="of another program"):
        SqliteLog(path)
    assert path.read_bytes() == before


def test_a_log_of_another_layout_is_refused(log: SqliteLog, path: Path) -> None:
    """A log that a later Freshet laid out is not touched."""
    log._connection.execute("PRAGMA user_version = 99")
    with pytest.raises(LogError, match="has layout 99"):
        SqliteLog(path)


def test_a_damaged_file_is_reported(log: SqliteLog, path: Path) -> None:
    """Pages overwritten with nonsense are an error, not records."""
    log.append("t", outgoing(*[b"x" * 10_000] * 50))
    log.close()
    with path.open("r+b") as damaged:
        damaged.seek(3 * file.PAGE_BYTES)
        damaged.write(b"\xff" * 20 * file.PAGE_BYTES)
    with pytest.raises(LogError, match="is damaged"), closing(SqliteLog(path)) as damaged:
        read_all(damaged, {PLACE: 0})


@pytest.mark.parametrize("name", ["file/log.db", ""])
def test_a_path_that_cannot_be_a_file_is_refused(tmp_path: Path, name: str) -> None:
    """A folder that cannot be made, or stands where the file should be, is named."""
    (tmp_path / "file").touch()
    with pytest.raises(LogError, match=str(tmp_path)):
        SqliteLog(tmp_path / name)


def test_a_file_removed_while_in_use_stops_everything(log: SqliteLog, path: Path) -> None:
    """After the file is gone or another stands there, nothing is appended into the void."""
    with closing(log.read({PLACE: 0})) as reader, closing(log.writer("w")) as writer:
        path.unlink()
        for _ in range(2):
            for use in (
                lambda: log.append("t", outgoing(b"a")),
                lambda: writer.write({"t": outgoing(b"a")}),
                reader.ends,
                lambda: log.read({PLACE: 0}),
                lambda: log.writer("w"),
            ):
                with pytest.raises(PositionError, match="removed or replaced"):
                    use()
            path.touch()
