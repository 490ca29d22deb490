"""Good and bad rows on one topic: each bad one is one dead letter, the good are as if alone."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from converters.cells.remedies import REMEDIES
from converters.config import load
from converters.schema import schema
from serve.cli import app
from stream.log.contract import Outgoing
from stream.log.topics import create_topics
from tests.support.serving.project import DISTANCE, Project, answers, same

GOOD = [
    b"a|b,1357016400,1,AX,JFK,3,100,",
    b"c:d,1357016401,0,A|X:%20,JF K,4,200,",
    b'"e\nf",1357016402,1,"A,X","J""K",5,300,',
    b"100%,1357016403,0, AX ,=,6,4.5e2,",
]
GOOD_JSON = b'{"id": "j", "at": 1357016404, "late": 1, "carrier": "AX", "hour": 3, "distance": "7"}'
HEADER_CSV = (("content-type", b"text/csv"),)
HEADER_JSON = (("content-type", b"application/json"),)

# value, headers, reasons of its refused rows
BAD: list[tuple[bytes, tuple[tuple[str, bytes], ...], list[str]]] = [
    (b"too,few", (), ["wrong-width"]),
    (b"x,1357016400,1,AX,JFK,3,100,,extra", (), ["wrong-width"]),
    (b"x,1357016400,1,AX,JFK,3,inf,", (), ["not-finite"]),
    (b"x,1357016400,1,AX,JFK,3,nan,", (), ["not-finite"]),
    (b"x,1357016400,1,AX,JFK,3,1e39,", (), ["not-finite"]),
    (b"x,1357016400,1,AX,JFK,3,far,", (), ["not-a-number"]),
    (b"x,1357016400,1,AX,JFK,3,0x1p3,", (), ["not-a-number"]),
    (b"x,1357016400,1,AX,JFK,3,1_000,", (), ["not-a-number"]),
    (b"x,1357016400,maybe,AX,JFK,3,100,", (), ["bad-label"]),
    (b"x,yesterday,1,AX,JFK,3,100,", (), ["bad-time"]),
    (b"\xff\xfe,1357016400,1,AX,JFK,3,100,", (), ["not-utf8"]),
    (b"x,1357016400,1,A\rX,JFK,3,100,", (), ["bare-cr"]),
    (b'x,1357016400,1,"AX,JFK,3,100,\ny,1357016400,1,AX,JFK,3,100,', (), ["unclosed-quote"]),
    (b"", (), ["empty-record"]),
    (b"\n", (), ["empty-row"]),
    (b"", HEADER_CSV, ["empty-record"]),
    (b"{not json", HEADER_JSON, ["bad-json"]),
    (b"[]", HEADER_JSON, ["empty-record"]),
    (b'{"id": "x", "carrier": {"nested": 1}}', (), ["nested-value"]),
    (b'{"id": "x", "carrier": ["A"]}', HEADER_JSON, ["nested-value"]),
    (b'[{"id": "x", "surprise": 1}, 5, "text"]', (), ["unknown-column", "not-a-row", "not-a-row"]),
    (b"x,1357016400,1,AX,JFK,3,100,\nshort\n\n", (), ["wrong-width", "empty-row"]),
]


def test_the_list_ends_with_what_helps(tmp_path: Path) -> None:
    """On standard error, by reason, so that the list itself stays CSV."""
    project = Project(tmp_path)
    project.append(b"too,few", b"x,y,1,AX,JFK,3,100,", b"x,z,1,AX,JFK,3,100,")
    project.learn()
    for more, reasons in (([], 2), (["--reason", "bad-time", "--json"], 1)):
        arguments = ["dead-letters", "--config", str(project.config_file), *more]
        result = CliRunner().invoke(app, arguments)
        told = result.stderr.splitlines()
        assert told[0] == f"2 bad-time (column 'at'): {REMEDIES['bad-time']}."
        assert len(told) == reasons
        assert result.stdout.count("bad-time") == 2


def fill(project: Project, records: list[Outgoing]) -> None:
    """Put records on the events topic, one second apart."""
    with project.open_log() as log:
        topics = create_topics(log, project.settings)
        base = 1_357_020_000_000
        log.append(topics.events, [r._replace(time=base + n * 1000) for n, r in enumerate(records)])


def test_bad_rows_become_dead_letters_and_change_nothing(
    tmp_path: Path, log_url: str, unique_name: str
) -> None:
    """Every bad row is one dead letter with reason and origin; the rest is as if alone."""
    mixed = Project(tmp_path / "mixed", log=log_url, model=unique_name)
    alone = Project(tmp_path / "alone")
    good = [Outgoing(value) for value in GOOD] + [Outgoing(GOOD_JSON)]
    both: list[Outgoing] = []
    expected: list[tuple[int, int, str]] = []
    for number, (value, headers, reasons) in enumerate(BAD):
        first_bad = 1 if value.startswith(b"x,1357016400,1,AX,JFK,3,100,\n") else 0
        expected += [(len(both), first_bad + n, reason) for n, reason in enumerate(reasons)]
        both.append(Outgoing(value, headers=headers))
        if number < len(good):
            both.append(good[number])
    # One bad record also holds a good row.
    good.append(Outgoing(b"x,1357016400,1,AX,JFK,3,100,"))
    fill(mixed, both)
    fill(alone, good)
    report, plain = mixed.learn(), alone.learn()
    letters = mixed.dead_letters()
    assert [(d.offset, d.row, d.reason) for d in letters] == expected
    assert {d.topic for d in letters} == {mixed.topics().events}
    assert report["rejected"] == len(expected)
    assert same(report)[:3] == same(plain)[:3]
    assert [a[1:] for a in answers(mixed.scores())] == [a[1:] for a in answers(alone.scores())]


def test_bad_labels_become_dead_letters(tmp_path: Path) -> None:
    """Label rows without id, with an unknown label, or against a label that came before."""
    project = Project(tmp_path / "p")
    project.append(b"a,1357016400,,AX,JFK,3,100,", time=1_357_016_400_000)
    project.append(
        *(b",1", b"a", b"a,maybe", b"a,1", b"a,1", b"a,0", b"\xff,1", b'["x"]'),
        labels=True,
        time=1_357_016_500_000,
    )
    report = project.learn()
    reasons = [(d.offset, d.reason) for d in project.dead_letters()]
    assert reasons == [
        (0, "missing-id"),
        (1, "wrong-width"),
        (2, "bad-label"),
        (5, "conflicting-label"),
        (6, "not-utf8"),
        (7, "not-a-row"),
    ]
    assert report["learned"] == 1
    assert report["labels_duplicates"] == 1
    assert report["labels_rejected"] == 6


def test_a_dead_letter_never_quotes_more_than_a_little(tmp_path: Path) -> None:
    """A megabyte of garbage makes a small dead letter."""
    project = Project(tmp_path / "p")
    project.append(b"x" * 1_000_000)
    project.append(json.dumps({"id": "y" * 500_000, "distance": "z" * 500_000}).encode())
    project.learn()
    assert [len(d.text) <= 250 for d in project.dead_letters()] == [True, True]


def test_a_number_that_would_spoil_the_learner_is_a_dead_letter(tmp_path: Path) -> None:
    """Finite as float32, but beyond what the learner's state survives: refused, and told why."""
    more = "[topics]\npartitions = 1"
    project, alone = (Project(tmp_path / n, args="-b 16 --coin", more=more) for n in "pa")
    for p in (project, alone):
        text = p.config_file.read_text()
        text = text.replace(DISTANCE, 'kind = "numeric"')
        p.config_file.write_text(text)
        p.__dict__["settings"] = load.load(p.config_file)
        p.__dict__["schema"] = schema.from_settings(p.settings)
    good, bad = b"%d,1357016400,1,AX,JFK,3,100,", b"%d,1357016400,1,AX,JFK,3,%s,"
    project.append(good % 1, bad % (2, b"1e30"), bad % (3, b"1e-20"), good % 4)
    alone.append(good % 1, good % 4)
    report = project.learn()
    assert [(d.offset, d.reason) for d in project.dead_letters()] == [
        (1, "unlearnable"),
        (2, "unlearnable"),
    ]
    assert report["model_sha256"] == alone.learn()["model_sha256"]


def test_a_record_of_line_feeds_is_one_refusal_from_a_hundred_thousand_on(tmp_path: Path) -> None:
    """What one record may cost is bounded, and its dead letters are all written."""
    project = Project(tmp_path)
    fill(project, [Outgoing(b"\n" * 2**20), Outgoing(GOOD[0])])
    report = project.learn()
    letters = project.dead_letters()
    assert [d.row for d in letters] == list(range(100_001))
    assert {d.reason for d in letters[:-1]} == {"empty-row"}
    assert letters[-1].reason == "too-many-rows"
    assert (report["rejected"], report["learned"]) == (100_001, 1)


def test_long_ids_are_refused_and_long_cells_hurt_no_checkpoint(tmp_path: Path) -> None:
    """An id longer than 1,024 characters is a dead letter; megabytes in a cell are learned."""
    project = Project(tmp_path)
    rows = [b"x" * size + b",1357016400,1,AX,JFK,3,100," for size in (1_024, 1_025)]
    huge = [b"%d,1357016400,0,%s,JFK,3,100," % (n, b" " * 2**21) for n in range(4)]
    fill(project, [Outgoing(value) for value in rows + huge])
    report = project.learn()
    assert [d.reason for d in project.dead_letters()] == ["id-too-long"]
    assert report["learned"] == 5
    assert project.learn()["version"] == report["version"]
    with project.registry() as registry:
        assert {e.action for e in registry.ledger.entries()} == {"publish"}
