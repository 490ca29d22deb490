"""What records hold that may be left out: rows, ids, labels, and how many were learned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from learners.registry.requests.offset_ranges import OffsetRanges
from stream.log import journal
from stream.quarantine.preview import Preview, preview_of
from tests.support.serving.project import Project, flights

BATCH = 5
EVENTS, LABELS = "flights.events:0", "flights.labels:0"


def look(project: Project, *texts: str) -> Preview:
    """The preview of these ranges."""
    held = OffsetRanges.of(each for text in texts for each in OffsetRanges.parse(text))
    with project.open_log() as log, project.registry() as registry:
        return preview_of(log, registry, (project.settings, project.schema), held)


def found(project: Project, *texts: str) -> dict[str, Any]:
    """The same for scripts."""
    preview = look(project, *texts)
    return preview.to_json()


@pytest.fixture(params=["late", "immediate"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    """A model of three hundred flights whose labels come later, or with them."""
    project = Project(tmp_path / "p", args="-b 10")
    late = {"label_time": "landed"} if request.param == "late" else {}
    project.produce(project.write_csv(flights(300)), rows_per_message=BATCH, **late)
    project.learn()
    return project


def is_late(project: Project) -> bool:
    """Whether labels have a topic of their own."""
    with project.open_log() as log:
        return any(True for _ in journal.records(log, project.topics().labels))


def ids_of(project: Project, held: OffsetRanges) -> set[str]:
    """The ids of the events in these ranges, from the scores."""
    return {s.id for s in project.scores() if held.holds((s.topic, s.partition), s.offset)}


def test_what_was_learned_is_what_has_its_label(project: Project) -> None:
    """All of it, since each flight has landed; rows that nobody can learn are not among it."""
    held = OffsetRanges.parse(f"{EVENTS}:10-19")
    ids = ids_of(project, held)
    answer = found(project, f"{EVENTS}:10-19")
    events = answer["events"]
    assert events == {"rows": len(ids), "ids": len(ids), "read": len(ids), "learned": len(ids)}
    (partition,) = answer["partitions"]
    assert (partition["records"], partition["ranges"], partition["refused"]) == (10, 1, 0)
    assert answer["offsets"] == 10
    assert answer["labels"] == {"rows": 0, "read": 0}


def test_what_has_not_been_read_was_not_learned(project: Project) -> None:
    """More of the log, with repeated ids, a refused row, and a label of an earlier event."""
    end = 1 + max(score.offset for score in project.scores())
    row = b",".join(cell.encode() for cell in flights(1)[0])
    project.append(row, b"m" + row, b"not a flight\nx" + row, time=1_400_000_000_000)
    answer = found(project, f"{EVENTS}:{end - 1}-{end + 2}")
    last = len(ids_of(project, OffsetRanges.parse(f"{EVENTS}:{end - 1}")))
    assert answer["events"] == {"rows": last + 4, "ids": last + 3, "read": last, "learned": last}
    assert answer["partitions"][0]["refused"] == 1
    project.learn()
    learned = found(project, f"{EVENTS}:{end}-{end + 2}")["events"]
    # The first row repeats an event outside of the ranges, which is not told apart.
    assert learned == {"rows": 4, "ids": 3, "read": 4, "learned": 3}
    text = "\n".join(look(project, f"{EVENTS}:{end}-{end + 2}").lines())
    assert "partition 0: 3 records in 1 range, 4 rows, of which 1 cannot be learned" in text
    assert "Events: 4 rows with 3 ids. The learner has read 4 of the rows, and learned 3." in text


def test_an_event_without_a_label_was_not_learned(tmp_path: Path) -> None:
    """It waits; its label's rows are told by themselves."""
    project = Project(tmp_path / "p", args="-b 10")
    rows = flights(30)
    unlabelled = [[*row[:2], "", *row[3:]] for row in rows]
    project.produce(project.write_csv(unlabelled), rows_per_message=1)
    project.append(b"f3,1", b"f4,0\nf5,1", b"other,1", labels=True, time=1_357_100_000_000)
    project.learn()
    answer = found(project, f"{EVENTS}:3-9", f"{LABELS}:1-2")
    assert answer["events"] == {"rows": 7, "ids": 7, "read": 7, "learned": 3}
    assert answer["labels"] == {"rows": 3, "read": 3}
    assert not is_late(project) or answer["offsets"] == 9


def test_versions_know_of_what_they_have_read(project: Project) -> None:
    """Two of three; the newest that does not is named, unless another quarantine is in its way."""
    ends = [1 + max(score.offset for score in project.scores())]
    for seed in (8, 9):
        again = [[f"{seed}{row[0]}", *row[1:]] for row in flights(50, seed)]
        late = {"label_time": "landed"} if is_late(project) else {}
        project.produce(project.write_csv(again), rows_per_message=BATCH, **late)
        project.learn()
        ends.append(1 + max(score.offset for score in project.scores()))
    preview = look(project, f"{EVENTS}:{ends[0]}-{ends[2] - 1}")
    assert (preview.known_to, preview.clean) == ([2, 3], 1)
    text = list(preview.lines())[-1]
    assert text == (
        "Versions that have read some of these records: 2-3. The newest to go back to, with "
        "--learner replay, is 1."
    )
    assert look(project, f"{EVENTS}:{ends[1]}").clean == 2
    with project.registry() as registry:
        held = OffsetRanges.parse(f"{EVENTS}:{ends[0]}")
        registry.quarantines.add({"skip": [str(held)]}, held, "x", "ann")
    assert look(project, f"{EVENTS}:{ends[1]}").clean == 1
    first = look(project, f"{EVENTS}:0")
    assert (first.known_to, first.clean) == ([1, 2, 3], None)
    assert "freshet backfill log --fresh" in list(first.lines())[-1]


def test_with_nothing_to_leave_out_that_is_said(project: Project) -> None:
    """No quarantine, and none asked for."""
    (line,) = look(project).lines()
    assert line.startswith("No record would be left out")
