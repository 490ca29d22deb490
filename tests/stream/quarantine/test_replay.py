"""A replay is asked for only if the log has what it would read; nothing moves before."""

from __future__ import annotations

from pathlib import Path

import pytest

from learners.registry.actor import on_command_line
from learners.registry.errors import RollbackRefusedError
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.row_types import Pointers
from stream.log.contract import Place
from stream.quarantine.replay import replay, tried
from tests.support.serving.project import Project, flights
from tests.support.streams.logs import remove_topic, trim


@pytest.fixture
def project(tmp_path: Path, log_url: str, unique_name: str) -> Project:
    """Three versions, each of a hundred more flights, one in each record."""
    project = Project(tmp_path / "p", log=log_url, model=unique_name, args="-b 10")
    for seed in range(3):
        rows = [[f"{seed}{row[0]}", *row[1:]] for row in flights(100, seed)]
        project.produce(project.write_csv(rows), rows_per_message=1)
        project.learn()
    return project


def place(project: Project) -> Place:
    """Where the events are."""
    return Place(project.topics().events, 0)


def ask(project: Project, version: int, *skip: str, instead: bool = False) -> Pointers:
    """Ask for a replay without these ranges."""
    held = OffsetRanges.of(each for text in skip for each in OffsetRanges.parse(text))
    how = Replay(Skip({"skip": list(skip)}, held) if skip else None, instead)
    config = project.settings, project.schema
    with project.open_log() as log, project.registry() as registry:
        left_out = tried(log, registry, config, version, how)
        assert registry.rollbacks.under_way() is None or instead
        pointers = replay(log, registry, config, version, how, (on_command_line(), "poison"))
        assert pointers.rollback is not None
        assert OffsetRanges.from_json(pointers.rollback.quarantined) == left_out
        return pointers


def end_of(project: Project, version: int) -> int:
    """The next event that a version would have read."""
    with project.registry() as registry:
        return registry.versions.find(version).start.positions[place(project).topic][0]


def test_it_is_asked_for_with_what_it_leaves_out(project: Project) -> None:
    """What was in quarantine before, too; a look at it changes nothing."""
    first, second = end_of(project, 1), end_of(project, 2)
    topic, _ = place(project)
    with project.registry() as registry:
        held = OffsetRanges.parse(f"{topic}:0:{second}")
        registry.quarantines.add({}, held, "before", "ann")
    pointers = ask(project, 1, f"{topic}:0:{first}-{first + 4}")
    assert (pointers.serving, pointers.pinned) == (1, True)
    with project.registry() as registry:
        asked = registry.rollbacks.under_way()
        assert asked is not None
        assert (asked.version, asked.learner, asked.quarantine) == (1, "replay", 2)
        assert OffsetRanges.from_json(asked.quarantined).count() == 6


@pytest.mark.parametrize("how", ["deleted", "recreated"])
def test_history_that_is_gone_is_told_with_what_works(
    project: Project, log_url: str, how: str
) -> None:
    """Nothing is served, put into quarantine or asked for."""
    at = end_of(project, 2)
    with project.registry() as registry:
        before = registry.serving.pointers()
    if how == "deleted":
        trim(log_url, place(project), at)
        why = rf"read on from .*:0:{end_of(project, 1)}, and the log begins at offset {at} there"
        why += r": records were deleted\. Nothing was changed.*newest .* is 3\.$"
    else:
        remove_topic(log_url, place(project).topic)
        project.topics()
        why = r"was deleted and created anew since .*goes on as it is\.$"
    with pytest.raises(RollbackRefusedError, match=why):
        ask(project, 1)
    with project.registry() as registry:
        assert registry.serving.pointers() == before
        assert registry.rollbacks.all() == []
        assert registry.quarantines.all() == []
    if how == "deleted":
        assert ask(project, 2).serving == 2


def test_a_version_that_has_read_it_is_refused_with_the_newest_that_has_not(
    project: Project,
) -> None:
    """By the registry, before the log is asked."""
    first = end_of(project, 1)
    with pytest.raises(RollbackRefusedError, match=r"in quarantine.*newest .* is 1\."):
        ask(project, 2, f"{place(project).topic}:0:{first}")


def test_one_in_the_place_of_another_releases_what_that_left_out(project: Project) -> None:
    """Of a look at it nothing is left."""
    topic, _ = place(project)
    ask(project, 1, f"{topic}:0:{end_of(project, 1)}")
    pointers = ask(project, 2, f"{topic}:0:{end_of(project, 2)}", instead=True)
    assert pointers.rollback is not None
    assert (pointers.rollback.undoes, pointers.serving) == (1, 2)
    with project.registry() as registry:
        assert [each.removed_at is None for each in registry.quarantines.all()] == [False, True]
        assert registry.rollbacks.find(1).state == "cancelled"
