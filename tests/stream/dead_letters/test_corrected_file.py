"""The form in which refused rows are listed, mended and handed in; what is refused of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converters.files.csv_file import CsvFileError
from converters.files.framing import csv_line
from stream.dead_letters.corrected_file import LONGEST_RAW, Form, event_form, printable
from stream.dead_letters.refused_rows import Letter, Origin, RefusedRow, originals
from stream.log.contract import Outgoing, Place
from tests.stream.dead_letters.test_bad_rows import BAD
from tests.support.rows.rows_to_read import COMMA
from tests.support.serving.command import freshet
from tests.support.serving.project import Project
from tests.support.streams.logs import trim
from tests.support.streams.replays import (
    far_to_near,
    listed,
    mended,
    origins,
    refused,
    reload,
    replay,
    row,
    sent_again,
    write,
)


def test_rows_that_are_still_bad_are_named_and_not_sent(tmp_path: Path) -> None:
    """Line, reason and column of each; the good ones are sent; no row's content is told."""
    project = refused(tmp_path / "p", row(1, "far"), row(2, "secret"), row(3, "far"), b"short")
    rows = listed(project)
    far_to_near(rows[0])
    rows[2] |= {"late": "perhaps", "distance": "1"}
    write(project.folder / "m.csv", rows)
    result = freshet("replay-dead-letters", "m.csv", "--json", cwd=project.folder)
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert report["sent"] == 1
    assert [(r["line"], r["offset"], r["reason"], r["column"]) for r in report["refused"]] == [
        (3, 1, "not-a-number", "distance"),
        (4, 2, "bad-label", "late"),
        (5, 3, "cells-not-filled-in", ""),
    ]
    assert "m.csv, line 3: not sent, not-a-number in distance." in result.stderr
    assert "secret" not in result.stderr + result.stdout
    assert [origin for origin, _ in sent_again(project)] == origins(project, 1)


def test_only_a_dead_letter_can_be_replaced(tmp_path: Path) -> None:
    """Origins of good rows, of nothing, and one that comes twice are refused by name."""
    project = refused(tmp_path / "p", row(1, "far"), row(2))
    (good,) = listed(project)
    far_to_near(good)
    rows = [
        *(good, good | {"distance": "800"}, good | {"offset": "1"}, good | {"offset": "99"}),
        *(good | {"topic": "elsewhere"}, good | {"partition": "-1"}, good | {"row": "1"}),
    ]
    report = replay(project, write(project.folder / "m.csv", rows))
    assert [r.reason for r in report.refused] == [
        *("repeated-row", "not-a-dead-letter", "not-a-dead-letter", "not-a-dead-letter"),
        *("bad-origin", "not-a-dead-letter"),
    ]
    assert [record.value for _, record in sent_again(project)] == [row(1, 700)]


def test_a_file_of_other_columns_is_refused(tmp_path: Path) -> None:
    """The column that is missing, or too many, is named, and nothing is sent."""
    project = refused(tmp_path / "p", row(1, "far"))
    (one,) = listed(project)
    less = {name: cell for name, cell in one.items() if name != "distance"}
    path = write(project.folder / "m.csv", [less])
    with pytest.raises(CsvFileError, match="lacks the column 'distance'"):
        replay(project, path)
    write(path, [one | {"more": ""}])
    with pytest.raises(CsvFileError, match="has the column 'more'"):
        replay(project, path)


def test_rows_listed_under_earlier_columns_can_be_sent(tmp_path: Path) -> None:
    """A file keeps the columns of its time; the rows are sent under those of now."""
    project = refused(tmp_path / "p", row(1, "far"), row(2))
    path = mended(project, far_to_near)
    project = project.edited(
        ("distance = {", 'miles = { was = "distance",'),
        ("[columns]", '[columns]\nmore = { role = "drop" }'),
    )
    version = project.backfill(fresh=True)["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "new columns", "test")
    project.learn()
    assert replay(project, path).sent == 1
    ((_, record),) = sent_again(project)
    assert dict(record.headers)["columns"] == ",".join(project.schema.names).encode()
    assert project.learn()["learned"] == 2
    assert replay(project, path).already_sent == 1


def test_rows_whose_record_is_gone_are_listed_and_can_be_sent(tmp_path: Path) -> None:
    """Retention has taken the cells; the row is listed by its origin and can be filled in."""
    project = refused(tmp_path / "p", row(1, "far"), row(2, "far"), row(3))
    trim(project.settings.log, Place(project.topics().events, 0), 1)
    rows = listed(project)
    assert sorted((r["offset"], r["id"]) for r in rows) == [("0", ""), ("1", "f2")]
    filled = next(r for r in rows if r["offset"] == "0") | dict(zip(
        project.schema.names, row(1).decode().split(","), strict=True))  # fmt: skip
    assert replay(project, write(project.folder / "m.csv", [filled])).sent == 1
    assert project.learn()["learned"] == 2


def test_originals_are_found_wherever_they_stand(
    tmp_path: Path, log_url: str, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Near each other and far apart, and nothing beyond the partition's ends."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name)
    project.append(*(b"%d" % n for n in range(300)))
    monkeypatch.setattr("stream.dead_letters.refused_rows.FAR", 100)
    wanted = [299, 3, 4, 120, 298, 5000]
    with project.open_log() as log:
        found = list(originals(log, Place(project.topics().events, 0), wanted))
    assert [(r.offset, r.value) for r in found] == [(n, b"%d" % n) for n in sorted(wanted)[:-1]]


def test_huge_rows_do_not_make_a_file_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed by what a file can hold of them; others beside them can be mended."""
    monkeypatch.setattr("stream.dead_letters.corrected_file.LONGEST_LISTED", 150_000)
    huge = [row(1, "far").replace(b"AX", b'"' + b"x," * 100_000 + b'"'), b"\xf0" * 300_000]
    project = refused(tmp_path / "p", *huge, row(3, "far"), b'"' + b"\n" * 200_000)
    rows = listed(project)
    assert [bool(r["raw"]) for r in rows] == [True, True, False, True]
    rows[2] |= {"distance": "5"}
    report = replay(project, write(project.folder / "m.csv", rows))
    assert (report.sent, len(report.refused)) == (1, 3)


def test_every_kind_of_bad_row_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each dead letter is one line, and the bytes of what has no cells are there to be read."""
    for module in (
        "converters.files.framing",
        "converters.objects.json_rows",
        "converters.convert.records",
        "stream.reading.gathering",
    ):
        monkeypatch.setattr(f"{module}.MOST_ROWS", 20)
    project = Project(tmp_path / "p")
    deep = b'[5, {"id": ' + b"[" * 300 + b"]" * 300 + b"}]"
    flood = [b"\n" * 27, b"[" + b"1," * 27 + b"1]"]
    with project.open_log() as log:
        records = [Outgoing(value, 0, headers) for value, headers, _ in BAD]
        log.append(project.topics().events, records + [Outgoing(v, 0) for v in (deep, *flood)])
    project.learn()
    rows = listed(project)
    letters = [(str(d.offset), str(d.row), d.reason) for d in project.dead_letters()]
    assert [(r["offset"], r["row"], r["reason"]) for r in rows] == letters
    blank = {r["reason"] for r in rows if not r["raw"] and not r["id"]}
    assert blank == {"empty-record", "empty-row", "too-many-rows"}
    assert deep.decode() in [r["raw"] for r in rows]


def test_our_columns_give_way_to_the_config_s() -> None:
    """A config that calls a column `row` or `raw` can still be told from ours."""
    form = Form(("a",), "_")
    assert form.header[:4] == ("_topic", "_partition", "_offset", "_row")


def test_columns_of_the_same_names_as_ours(tmp_path: Path) -> None:
    """Listing, mending and sending work with a data column called `row`."""
    project = Project(tmp_path / "p")
    reload(project, lambda text: text.replace("carrier", "row").replace("landed", "_raw"))
    project.append(row(1, "far"), time=1_357_020_000_000)
    project.learn()
    assert event_form(project.schema).header[:2] == ("__topic", "__partition")
    assert replay(project, mended(project, far_to_near)).sent == 1
    assert project.learn()["learned"] == 1


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=3, max_size=3))
def test_cells_come_back_from_a_listing_as_they_are(cells: list[str]) -> None:
    """Whatever they hold: quotes, commas, line breaks, control characters."""
    letter = Letter(Origin(Place("t", 0), 1, 2), 3, "reason", "column")
    line = Form(("a", "b", "c"), "").line(RefusedRow(letter, cells))
    assert COMMA.cells_of(csv_line(line).encode()) == [
        "t",
        "0",
        "1",
        "2",
        "reason",
        "column",
        *cells,
        "",
    ]


@given(st.binary(max_size=60))
def test_raw_bytes_are_shown_so_that_any_editor_keeps_them(raw: bytes) -> None:
    """One line of printable text, from which the bytes can be had back."""
    shown = printable(raw)
    assert shown.isprintable()
    assert len(shown) <= LONGEST_RAW
    again = shown.encode("latin-1", "backslashreplace").decode("unicode_escape")
    assert again.encode("utf-8", "surrogatepass") == raw or b"\\x" in shown.encode()


def test_dead_letters_prints_whole_rows_by_reason(tmp_path: Path) -> None:
    """`--rows` of events or of labels, as CSV or as JSON, and of one reason only."""
    project = refused(tmp_path / "p", row(1, "far"), b"short")
    project.append(b"f1,maybe", labels=True, time=1_357_020_000_000)
    project.learn()
    result = freshet("dead-letters", "--rows", "events", "--json", cwd=project.folder)
    assert [(r["id"], r["raw"]) for r in json.loads(result.stdout)] == [("f1", ""), ("", "short")]
    result = freshet(
        "dead-letters", "--rows", "events", "--reason", "wrong-width", cwd=project.folder
    )
    assert result.stdout.splitlines()[1:] == [f"flights.events,0,1,0,wrong-width,,{',' * 8}short"]
    result = freshet("dead-letters", "--rows", "labels", cwd=project.folder)
    assert result.stdout.splitlines()[1:] == ["flights.labels,0,0,0,bad-label,label,f1,maybe,,"]
