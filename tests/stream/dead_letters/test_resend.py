"""Refused rows are mended and sent again: each once, at its own time, and learned once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from converters.convert.whole_file import CSV_HEADERS
from learners.line_bounds import LineBounds
from stream.checkpoints.same_model import ChangedModelError
from stream.dead_letters.exactly_once import Corrected, TakenOverError, sender
from stream.dead_letters.refused_rows import Letter, Origin
from stream.log.contract import LogError, Outgoing, Place
from tests.support.serving.command import freshet
from tests.support.serving.project import Project
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

COUNTS = ("learned", "waiting", "expired", "scored_only", "rejected", "duplicates")


def test_mended_rows_are_learned_once(tmp_path: Path, log_url: str, unique_name: str) -> None:
    """Sent twice and learned twice, they count once, and what was refused stays counted so."""
    bad = [row(1, "far"), row(2) + b"\n" + row(3, "near") + b"\n" + row(4, "inf"), b"too,few"]
    project = refused(tmp_path / "p", *bad, log=log_url, model=unique_name)

    def mend(each: dict[str, str]) -> None:
        if not each["id"]:
            each |= dict(zip(each, [*each.values()][:6] + row(5).decode().split(","), strict=False))
        far_to_near(each)

    path = mended(project, mend)
    first = replay(project, path)
    report = project.learn()
    second = replay(project, path)
    again = project.learn()
    assert (first.sent, first.already_sent, first.refused) == (4, 0, [])
    assert (second.sent, second.already_sent, second.refused) == (0, 4, [])
    assert report["learned"] == again["learned"] == 5
    assert report["rejected"] == 4
    assert report["events"] == again["events"] == sum(report[name] for name in COUNTS) == 9
    assert again["model_sha256"] == report["model_sha256"]
    assert sorted(s.id for s in project.scores()) == ["f1", "f2", "f3", "f4", "f5"]
    assert listed(project) == []


def test_a_row_sent_again_keeps_its_time_and_partition(tmp_path: Path) -> None:
    """It carries its origin, and stream time does not jump to today for it."""
    project = Project(tmp_path / "p", more="[topics]\npartitions = 2")
    topic, base = project.topics().events, 1_357_020_000_000
    with project.open_log() as log:
        records = [
            Outgoing(row(n, "far"), base + n * 1000, (("content-type", b"text/csv"),), None, n % 2)
            for n in range(4)
        ]
        log.append(topic, records)
    before = project.learn()
    replay(project, mended(project, far_to_near))
    found = dict(sent_again(project))
    assert {o: (r.time, r.place.partition, r.value) for o, r in found.items()} == {
        f"{topic}:{n % 2}:{n // 2}:0": (base + n * 1000, n % 2, row(n, 700)) for n in range(4)
    }
    assert before["stream_time"] == 0
    assert project.learn()["stream_time"] == base + 3000


def test_labels_are_mended_too(tmp_path: Path) -> None:
    """A label row's id or label is corrected, and the event that waits gets it."""
    project = Project(tmp_path / "p")
    project.append(row(1, late=""), row(2, late=""), time=1_357_016_400_000)
    project.append(b"f1,yes", b"f2", b"f2,no,", labels=True, time=1_357_016_500_000)
    assert project.learn()["waiting"] == 2
    rows = listed(project, labels=True)
    assert [(r["id"], r["label"], r["reason"], r["raw"]) for r in rows] == [
        *(("f1", "yes", "bad-label", ""), ("", "", "wrong-width", "f2")),
        ("f2", "no", "bad-label", ""),
    ]
    path = write(project.folder / "m.csv", [rows[0] | {"label": "1"}, rows[2] | {"label": "0"}])
    assert replay(project, path).sent == replay(project, path).already_sent == 2
    report = project.learn()
    assert (report["learned"], report["waiting"], report["labels_joined"]) == (2, 0, 2)
    assert [record.value for _, record in sent_again(project, labels=True)] == [b"f1,1", b"f2,0"]


def test_without_a_file_it_says_what_there_is_to_mend(tmp_path: Path) -> None:
    """By reason, with the command that comes next; nothing is sent and no topic made."""
    project = refused(tmp_path / "p", row(1, "far"), row(2, "near"), b"short", row(3))
    result = freshet("replay-dead-letters", "--json", cwd=project.folder)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {
        **dict.fromkeys(("sent", "already_sent", "accepted_in_place"), 0),
        "refused": [],
        "left": {"not-a-number": 2, "wrong-width": 1},
    }
    assert "freshet dead-letters --rows events" in result.stderr
    with project.open_log() as log:
        assert log.describe([project.topics().replays]) == {}


def test_rows_that_the_learner_would_take_by_now_are_sent_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an older release refused under the same config needs no mending."""
    with monkeypatch.context() as older:
        older.setattr(
            LineBounds, "refused_of", lambda _, lines: dict.fromkeys(range(lines.count), "old")
        )
        project = refused(tmp_path / "p", row(1), row(2, "far"))
    report = replay(project)
    assert (report.sent, dict(report.left)) == (1, {"not-a-number": 1})
    assert replay(project).sent == 0
    assert project.learn()["learned"] == 1
    assert [s.id for s in project.scores()] == ["f1"]


def test_under_another_config_nothing_is_sent(tmp_path: Path) -> None:
    """Nobody could say what the running learner will take; what to do instead is said."""
    project = refused(tmp_path / "p", row(1, "far"))
    path = mended(project, far_to_near)
    reload(project, lambda text: text.replace("max = 5000", "max = 6000"))
    with pytest.raises(ChangedModelError, match="backfill log --fresh"):
        replay(project, path)
    result = freshet("replay-dead-letters", cwd=project.folder)
    assert "1 not-a-number" in result.stderr
    assert "freshet backfill log --fresh" in result.stderr
    assert sent_again(project) == []


def widened(tmp_path: Path) -> Project:
    """A project that has refused a distance as out of range, and does so no more."""
    project = Project(tmp_path / "p", more="[duplicates]\nwindow = 0")
    reload(project, lambda text: text.replace("max = 5000", 'max = 50, out_of_range = "reject"'))
    project.append(row(1), row(2, 20), row(3, "far"), time=1_357_020_000_000)
    assert project.learn()["rejected"] == 2
    return project


def test_a_row_that_a_new_config_took_at_its_place_is_not_sent(tmp_path: Path) -> None:
    """After a fresh backfill its model has learned the row; a mended one would be the second."""
    project = widened(tmp_path)
    path = mended(project, lambda row: row.update(distance="30"))
    reload(project, lambda text: text.replace('max = 50, out_of_range = "reject"', "max = 5000"))
    version = project.backfill(fresh=True)["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", version, "wider", "test")
    assert project.learn()["learned"] == 2
    report = replay(project)
    assert (report.accepted_in_place, dict(report.left)) == (1, {"not-a-number": 1})
    assert [each["id"] for each in listed(project)] == ["f3"]
    report = replay(project, path)
    assert [r.reason for r in report.refused] == ["accepted-in-place"]
    assert report.sent == 1
    assert project.learn()["learned"] == 3


def test_a_fresh_backfill_takes_a_row_or_the_one_sent_for_it(tmp_path: Path) -> None:
    """Never both: the row counts at its own place if the new config takes it there."""
    project = widened(tmp_path)
    replay(project, mended(project, lambda row: row.update(distance="30")))
    assert project.learn()["learned"] == 3
    assert project.backfill(fresh=True)["learned"] == 3
    reload(project, lambda text: text.replace('max = 50, out_of_range = "reject"', "max = 5000"))
    report = project.backfill(fresh=True)
    assert (report["events"], report["learned"], report["rejected"]) == (5, 3, 2)
    # A row that was accepted elsewhere is not lost.
    assert report["rejected_this_run"]["events"]["reasons"] == {"not-a-number": 1}


def test_a_conflict_is_not_mended_by_sending_it_again(tmp_path: Path) -> None:
    """The converter has nothing against such a row; it goes only when it is another one."""
    project = Project(tmp_path / "p")
    project.append(b"f1,0", labels=True, time=1_357_016_300_000)
    project.append(row(1, late=1), time=1_357_016_400_000)
    project.learn()
    assert dict(replay(project).left) == {"conflicting-label": 1}
    same = replay(project, mended(project, lambda _: None))
    assert [r.reason for r in same.refused] == ["conflicting-label"]
    assert replay(project, mended(project, lambda row: row.update(late=""))).sent == 1
    assert project.learn()["learned"] == 1


def test_a_second_sender_takes_over(tmp_path: Path, log_url: str, unique_name: str) -> None:
    """The first can send nothing from then on, and says so; the second sends each row once."""
    project = refused(tmp_path / "p", row(1, "far"), row(2, "far"), log=log_url, model=unique_name)
    letters = [
        Corrected(
            Letter(Origin(Place(project.topics().events, 0), n, 0), 1_357_020_000_000, "", ""),
            row(n + 1, 700),
            CSV_HEADERS,
        )
        for n in range(2)
    ]  # fmt: skip
    with project.open_log() as log, sender(log, project.settings) as first:
        first.add(letters[0])
        first.flush()
        first.add(letters[1])
        with sender(log, project.settings) as second:
            for each in letters:
                second.add(each)
            with pytest.raises(TakenOverError, match="skipped"):
                first.flush()
            second.flush()
    assert (first.sent_now, second.sent_now) == (1, 1)
    assert [origin for origin, _ in sent_again(project)] == origins(project, 2)


def test_marks_that_freshet_did_not_write_stop_it(tmp_path: Path) -> None:
    """Who knows what they would mean; the topic and the offset are named."""
    project = refused(tmp_path / "p", row(1, "far"))
    path = mended(project, far_to_near)
    replay(project, path)
    with project.open_log() as log:
        log.append(project.topics().replays, [Outgoing(b"1;2", key=b"flights.events:0:0")])
    with pytest.raises(LogError, match=r"flights\.replays.*offset 1"):
        replay(project, path)


def test_before_anything_was_learned(tmp_path: Path) -> None:
    """There can be no dead letters, and that is said."""
    project = Project(tmp_path / "p")
    project.topics()
    with project.registry():
        pass
    result = freshet("replay-dead-letters", cwd=project.folder)
    assert result.returncode == 1
    assert "No learner has read" in result.stderr
