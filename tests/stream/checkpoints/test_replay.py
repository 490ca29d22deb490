"""``rollback --learner replay``: all goes back, and the log is read again without the poison."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.row_types import Rollback
from learners.registry.writer import Writer
from stream.learner.heartbeat import Heartbeat
from stream.learner.process import LearnerProcess
from stream.log import journal
from stream.log.batch import Batch
from stream.log.contract import Place
from stream.reading import merge
from tests.support.serving.begun_projects import begun
from tests.support.serving.project import Project, flights, same

NONE = OffsetRanges()
LATER = 1_400_000_000_000


class CrashError(Exception):
    """Stands for a kill: nothing since the last checkpoint is saved."""


def named(prefix: str, rows: list[list[str]]) -> list[list[str]]:
    """The rows under other ids."""
    return [[f"{prefix}{row[0]}", *row[1:]] for row in rows]


CLEAN = flights(300)
POISON = named("p", [[*row[:2], "1", *row[3:]] for row in flights(100, 9)])
AFTER = named("m", flights(100, 10))
NEW = named("n", flights(50, 11))


def end_of(project: Project) -> int:
    """The next offset of the events."""
    with project.open_log() as log:
        topic = project.topics().events
        return log.describe([topic])[topic].ends[Place(topic, 0)]


def send(project: Project, rows: list[list[str]], per: int = 10) -> OffsetRanges:
    """Send rows; the range of their records."""
    first = end_of(project)
    project.produce(project.write_csv(rows), rows_per_message=per)
    topic = project.topics().events
    return OffsetRanges.of([((topic, 0), (first, end_of(project)))])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A model whose second version has learned a hundred poisoned rows, and its third others."""
    return Project(tmp_path / "one")


def poisoned(project: Project) -> OffsetRanges:
    """Have it learn them; where the poison is."""
    return begun(project, _poisoned, merge.BATCH_ROWS)


def _poisoned(project: Project) -> OffsetRanges:
    send(project, CLEAN)
    project.learn()
    poison = send(project, POISON)
    project.learn()
    send(project, AFTER)
    assert project.learn()["learned"] == 500
    return poison


def alone(folder: Path, *parts: list[list[str]]) -> dict[str, Any]:
    """What a model comes to that has never seen anything else."""
    project = Project(folder)
    for rows in parts:
        send(project, rows)
    return project.learn()


def roll_back(project: Project, skip: OffsetRanges, version: int = 1, **how: Any) -> Rollback:
    """Ask for a replay."""
    asked = Replay(Skip({"skip": [str(skip)]}, skip) if skip else None, **how)
    with project.registry() as registry:
        found = registry.rollbacks.ask(version, asked, "poison", "ann").rollback
    assert found is not None
    return found


def last(project: Project) -> Rollback:
    """The newest rollback."""
    with project.registry() as registry:
        return registry.rollbacks.all()[-1]


def lines(project: Project) -> list[journal.JournalLine]:
    """The journal."""
    with project.open_log() as log:
        return list(journal.lines(log, project.topics().journal))


def outputs(project: Project) -> list[str]:
    """The ids that were scored, in order."""
    return [score.id for score in project.scores()]


def test_the_end_is_that_of_a_log_without_it(project: Project, tmp_path: Path) -> None:
    """Byte for byte, with what came meanwhile; counted by themselves, measured anew."""
    poison = poisoned(project)
    roll_back(project, poison)
    send(project, NEW)
    report, plain = project.learn(), alone(tmp_path / "two", CLEAN, AFTER, NEW)
    assert report["model_sha256"] == plain["model_sha256"]
    names = ("learned", "log_loss", "auc", "rejected")
    assert [report[name] for name in names] == [plain[name] for name in names]
    assert (report["events"], report["quarantined"], report["learned"]) == (550, 100, 450)
    assert last(project).state == "done"


def test_it_follows_the_cuts_of_before(project: Project) -> None:
    """Each a line with a new count; the lineage's first line says what it leaves out."""
    poison = poisoned(project)
    before = [line.cut for line in lines(project)]
    roll_back(project, poison)
    project.learn()
    opening, *again = [line for line in lines(project) if line.lineage == 2]
    assert (opening.batch, opening.rollback) == (0, 1)
    assert OffsetRanges.from_json(opening.quarantined) == poison
    assert [line.cut for line in again] == before[1:]
    assert [line.records for line in again] == [0, 10]


def test_serving_goes_on_with_what_was_made_once_it_has_caught_up(project: Project) -> None:
    """The version gone back to is served until then, and nothing is pinned after."""
    poison = poisoned(project)
    served: set[int | None] = set()

    def look(batch: Batch, process: LearnerProcess) -> None:
        if batch.guided:
            served.add(process.registry.serving.pointers().serving)

    roll_back(project, poison)
    project.learn(look)
    with project.registry() as registry:
        pointers, done = registry.serving.pointers(), registry.rollbacks.find(1)
    assert served == {1}
    assert (pointers.serving, pointers.pinned) == (done.made, False)
    assert done.tip == 3


@pytest.mark.parametrize("every", [0.0, 10.0])
def test_it_tells_how_far_it_is(
    project: Project, monkeypatch: pytest.MonkeyPatch, every: float
) -> None:
    """In its heartbeat, with the rows of the quarantine; in its log now and then."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 40)
    monkeypatch.setattr("stream.learner.catching_up.SAID_EVERY_SECONDS", every)
    poison = poisoned(project)
    told: list[tuple[str, dict[str, Any] | None]] = []

    def look(_: Batch, process: LearnerProcess) -> None:
        status = process.registry.writer.status()
        assert status is not None
        told.append((last(project).state, status.status.get("catching_up")))

    roll_back(project, poison)
    monkeypatch.setattr(Heartbeat, "due", lambda _: True)
    with capture_logs() as lines:
        project.learn(look)
    far = [now for state, now in told if state == "replaying" and now]
    assert far
    assert {now["of"] for now in far} == {200}
    rows = [now["rows"] for now in far]
    assert rows == sorted(rows)
    assert far[-1]["share"] == rows[-1] / 200
    assert told[-1][1] is None
    said = [line["rows"] for line in lines if line["event"] == "still reading the log again"]
    assert bool(said) == (every == 0)
    assert set(said) >= (set(rows) if said else set())


def test_the_journal_gives_the_same_again(project: Project) -> None:
    """And what was output is not output again."""
    roll_back(project, poisoned(project))
    send(project, NEW)
    report = project.learn()
    assert same(project.backfill()) == same(report)
    assert len(outputs(project)) == len(set(outputs(project))) == 550


def test_either_log_is_read_again(
    log_url: str, unique_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With late labels for what is left out, and a kill on the way."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 40)
    project = Project(tmp_path / "one", log=log_url, model=unique_name)
    poison = poisoned(project)
    first = end_of(project)
    project.append(b"w1,1357016400,,AX,JFK,7,500,", time=LATER)
    waits = OffsetRanges.of([((f"{unique_name}.events", 0), (first, end_of(project)))])
    project.learn()
    roll_back(project, poison | waits)
    project.append(b"w1,1", labels=True, time=LATER + 1000)
    send(project, NEW)

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if batch.guided:
            raise CrashError

    with pytest.raises(CrashError):
        project.learn(kill)
    report = project.learn()
    assert report["model_sha256"] == alone(tmp_path / "two", CLEAN, AFTER, NEW)["model_sha256"]
    assert (report["quarantined"], report["labels_quarantined"], report["waiting"]) == (101, 1, 0)
    assert same(project.backfill()) == same(report)
    assert len(outputs(project)) == len(set(outputs(project))) == 551


def test_what_nobody_has_output_is_output_once_it_is_released(project: Project) -> None:
    """What was skipped beyond where the learner was stands in the journal as a gap."""
    send(project, CLEAN)
    project.learn()
    ahead = send(project, POISON)
    roll_back(project, ahead)
    project.learn()
    assert len(outputs(project)) == 300
    undoing = roll_back(project, NONE, instead=True)
    assert undoing.undoes == 1
    send(project, AFTER)
    project.learn()
    opening = [line for line in lines(project) if line.batch == 0][-1]
    assert OffsetRanges.from_json(opening.gaps) == ahead
    assert len(outputs(project)) == len(set(outputs(project))) == 500
    assert roll_back(project, NONE).number == 3
    project.learn()
    opening = [line for line in lines(project) if line.batch == 0][-1]
    assert opening.gaps in (None, {}), "they are output now"
    assert len(outputs(project)) == 500


def test_a_model_made_anew_leaves_it_out_though_the_registry_was_lost(project: Project) -> None:
    """The newest lineage's first line in the journal says what it left out."""
    roll_back(project, poisoned(project))
    project.learn()
    for file in project.settings.home.glob("registry.db*"):
        file.unlink()
    assert project.backfill(fresh=True)["quarantined"] == 100


def test_a_wrong_one_is_undone_from_the_tip(project: Project) -> None:
    """The model is again what it was, to the byte."""
    poison = poisoned(project)
    before = project.learn()
    roll_back(project, poison)
    assert project.learn()["learned"] == 400
    tip = last(project).tip
    assert tip is not None
    roll_back(project, NONE, tip, instead=True)
    report = project.learn()
    assert same(report) == same(before)
    with project.registry() as registry:
        assert not registry.quarantines.held()
    assert len(outputs(project)) == len(set(outputs(project))) == 500


def test_one_after_another_leaves_all_of_it_out(project: Project, tmp_path: Path) -> None:
    """The second follows the cuts of the first, from any version on the way."""
    poison = poisoned(project)
    roll_back(project, poison)
    project.learn()
    after = send(project, NEW)
    project.learn()
    roll_back(project, after)
    report = project.learn()
    assert report["model_sha256"] == alone(tmp_path / "two", CLEAN, AFTER)["model_sha256"]
    assert report["quarantined"] == 150
    assert len(outputs(project)) == 550


@pytest.mark.parametrize("batches", [0, 2, 4, 6])
def test_a_kill_on_the_way_changes_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """A start that finds it claimed finishes it, with the steps that are left."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 40)
    poison = poisoned(project)
    roll_back(project, poison)
    send(project, NEW)
    taken: list[Batch] = []

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if not batch.is_empty:
            taken.append(batch)
            if len(taken) > batches:
                raise CrashError

    with pytest.raises(CrashError):
        project.learn(kill)
    assert last(project).state in (("claimed", "replaying") if batches < 5 else ("done",))
    report = project.learn()
    assert last(project).state == "done"
    assert same(project.backfill()) == same(report)
    assert (report["learned"], report["quarantined"]) == (450, 100)
    assert len(outputs(project)) == len(set(outputs(project))) == 550
    guided = [line.cut for line in lines(project) if line.lineage == 2 and line.batch]
    assert len(guided) == len({tuple(cut.items()) for cut in guided})


def test_it_is_done_with_a_version_of_the_place_where_it_caught_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not before, however often the learner saves; and whatever a checkpoint under way holds."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 40)
    poison = poisoned(project)
    made: list[tuple[int, str]] = []
    real = Writer.commit

    def note(self: Writer, epoch: int, commit: Any) -> Any:
        found = real(self, epoch, commit)
        with project.registry() as registry:
            made.append((commit.events["events"], registry.rollbacks.find(1).state))
        return found

    roll_back(project, poison)
    send(project, NEW)
    monkeypatch.setattr(Writer, "commit", note)
    project.edited(("[learn]", "[checkpoint]\nevents = 20\nmin_spacing = 0\n[learn]")).learn()
    assert {state for events, state in made if events < 500} <= {"claimed", "replaying"}
    assert {state for events, state in made if events >= 500} == {"done"}


def cut_short(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill a replay at its first batch."""
    monkeypatch.setattr("stream.reading.merge.BATCH_ROWS", 40)
    roll_back(project, poisoned(project))

    def kill(batch: Batch, _process: LearnerProcess) -> None:
        if batch.guided:
            raise CrashError

    with pytest.raises(CrashError):
        project.learn(kill)


@pytest.mark.parametrize("times", [1, 2])
def test_one_that_is_cut_short_by_another_does_not_shorten_that(
    project: Project, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """The other is done where the first would have been, and follows the same cuts."""
    cut_short(project, monkeypatch)
    tip, cuts = last(project).tip, [line.cut for line in lines(project) if line.lineage == 1]
    for each in range(times):
        roll_back(project, NONE, instead=each == 0)
        with project.registry() as registry:
            if each + 1 < times:
                registry.rollbacks.cancel(2, "a mistake", "ann")
    project.learn()
    again = [line.cut for line in lines(project) if line.lineage == 3 and line.batch]
    assert again == cuts[-len(again) :]
    assert len(again) == 6
    done = last(project)
    with project.registry() as registry:
        made = registry.versions.find(done.made or 0)
    assert (done.state, done.tip, made.events["events"]) == ("done", tip, 500)


@pytest.mark.parametrize("fresh", [True, False])
def test_a_promotion_waits_until_it_is_done(
    project: Project, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    """It would never be done in a lineage that has ended, and nobody could roll back any more."""
    cut_short(project, monkeypatch)
    path = None if fresh else project.write_csv(CLEAN)
    candidate = project.backfill(path, **({"fresh": True} if fresh else {}))["version"]
    with project.registry() as registry:
        registry.serving.pin("promote", candidate, "try", "ann")
    project.learn()
    assert last(project).state == "done"
    with project.registry() as registry:
        assert registry.serving.pointers().serving == candidate
        assert registry.adoptions.pending() is not None
    project.learn()
    with project.registry() as registry:
        live = registry.versions.live_lineage()
        assert registry.adoptions.pending() is None
    assert live is not None
    assert (live.origin, live.parent_version) == ("promote", candidate)
