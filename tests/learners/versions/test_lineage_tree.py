"""``history --tree``: which lineage came from which, drawn and as JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from learners.registry import Registry, database_tables
from learners.registry.row_types import iso, utc_now
from learners.registry.serving import Moving
from learners.report.ancestry import Ancestry
from learners.versions.lineage_tree import DEEPEST, lineages_json, print_tree
from tests.support.learning.registry_samples import (
    BAD,
    OF_A_FILE,
    Writer,
    a_backfill,
    a_commit,
    a_lineage,
    registry_at,
)
from tests.support.pace import slowness
from tests.support.serving.project import Project, flights

# What the lineages are read by, however many there are.
QUESTIONS = 4
# Alone it takes less than one; others use the processors too.
SECONDS = 5
CRAFTED = "poison [/red] [bold]at[/bold] \x1b[31mnoon"
SHOWN = CRAFTED.replace("\x1b", "\\x1b")


def sent(project: Project, count: int, seed: int) -> None:
    """Other flights, on the log."""
    rows = [[f"s{seed}-{row[0]}", *row[1:]] for row in flights(count, seed)]
    project.produce(project.write_csv(rows))


def learned(project: Project, count: int, seed: int) -> None:
    """The same, learned too."""
    sent(project, count, seed)
    project.learn()


def promote(project: Project, version: int, seed: int) -> None:
    """Have the learner take a backfill, and learn on."""
    with project.registry() as registry:
        registry.serving.pin("promote", version, "better", "ann", Moving(follow=True))
    learned(project, 10, seed)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A learner that went back, took a file and then its log; a backfill of each kind besides."""
    project = Project(tmp_path_factory.mktemp("tree") / "p")
    learned(project, 20, 1)
    learned(project, 10, 2)
    with project.registry() as registry:
        registry.rollbacks.ask(1, "resume", CRAFTED, "ann")
    learned(project, 10, 3)
    promote(project, project.backfill(project.write_csv(flights(50)))["version"], 4)
    project.backfill()
    sent(project, 5, 5)  # so that the next one is taken where the outputs end, before its own end
    promote(project, project.backfill(fresh=True)["version"], 6)
    project.backfill(project.write_csv(flights(30)))
    return project


def listed(registry: Registry) -> list[dict[str, Any]]:
    """The JSON."""
    return lineages_json(registry.lineages.all())


def drawn(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The lines of the tree, of any width."""
    monkeypatch.setenv("COLUMNS", "200")
    capsys.readouterr()
    print_tree(registry.lineages.all(), "flights")
    return capsys.readouterr().out.splitlines()


def test_each_lineage_stands_under_the_one_that_it_began_from(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what began it, and what is live and served; at the top is what began with nothing."""
    with project.registry() as registry:
        lines = drawn(registry, capsys, monkeypatch)
    heads = [line.rstrip() for line in lines if "lineage" in line and "with positions" not in line]
    assert heads == [
        "Model 'flights': 8 lineages",
        "├── lineage 1: learned from the start of the log",
        f"│   └── lineage 2: rollback 1 to version 1 (resume) by ann: {SHOWN}",
        "├── lineage 3: backfill of a file",
        "│   ├── lineage 4: promotion of version 5 (its weights)",
        "│   └── lineage 5: backfill of the log as lineage 4 learned it, from version 5 on",
        "├── lineage 6: backfill of the log from its start",
        "│   └── lineage 7, live, version 9 is served: promotion of version 8 (its whole state)",
        "└── lineage 8: backfill of a file",
    ]


def test_a_rollback_has_two_origins(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its weights are the version's; positions, joins and counts are those that were live."""
    with project.registry() as registry:
        lines = drawn(registry, capsys, monkeypatch)
        found = {each["lineage"]: each for each in listed(registry)}
    beside = [line.strip("│ ") for line in lines if "with positions" in line]
    assert beside == [
        f"with positions, waiting events and counts of lineage {number}" for number in (1, 2)
    ]
    back, taken, whole = found[2], found[4], found[7]
    of = ("parent_version", "parent_lineage", "joins_of_lineage", "rollback", "adoption")
    assert [back[name] for name in of] == [1, 1, 1, 1, "resume"]
    assert [taken[name] for name in of] == [5, 3, 2, None, "weights"]
    assert [whole[name] for name in of] == [8, 6, None, None, "whole"]
    assert (back["learned"], back["trained_on"]) == (40, 30)
    assert any("40 events, all learned; trained on 30" in line for line in lines)


def test_each_lineage_says_its_versions_and_what_became_of_it(
    project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A candidate that nobody promoted is told."""
    with project.registry() as registry:
        lines = [line for line in drawn(registry, capsys, monkeypatch) if "; version" in line]
    ends = [line.partition("began ")[2].partition("; ")[2].rstrip() for line in lines]
    candidate = "candidate, never promoted"
    assert ends == [
        "versions 1-2; 30 events, all learned",
        "versions 3-4; 40 events, all learned; trained on 30",
        "version 5; 50 events, all learned",
        "version 6; 50 events, all learned; trained on 60",
        f"version 7; 50 events, all learned; trained on 60; {candidate}",
        "version 8; 55 events, all learned",
        "version 9; 65 events, all learned",
        f"version 10; 30 events, all learned; {candidate}",
    ]


def test_the_json_is_flat_and_agrees_with_the_ancestry(project: Project) -> None:
    """One object a lineage; the examples behind the weights are those of its last version."""
    with project.registry() as registry:
        found, ancestry = listed(registry), Ancestry(registry)
        last = [registry.versions.find(each["versions"][1]) for each in found]
        examples = [ancestry.trained_on(version).examples for version in last]
        began = [registry.versions.lineage(each["lineage"]) for each in found]
    assert [each["trained_on"] for each in found] == examples
    assert [each["versions"] for each in found][:2] == [[1, 2, 2], [3, 4, 2]]
    kinds = [(each["origin"], each["backfill_of"], each["journal_of_lineage"]) for each in found]
    assert kinds == [
        ("learn", None, None),
        ("rollback", None, None),
        ("backfill", "file", None),
        ("promote", None, None),
        ("backfill", "journal", 4),
        ("backfill", "log", None),
        ("promote", None, None),
        ("backfill", "file", None),
    ]
    assert [each["lineage"] for each in found if each["live"]] == [7]
    assert [(each["served"], each["pinned"]) for each in found if each["served"]] == [(9, False)]
    assert [each["lineage"] for each in found if each["candidate"]] == [5, 8]
    assert [each["began_at"] for each in found] == [iso(each.created_at) for each in began if each]


def test_a_pin_is_told_where_the_version_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not be in the live lineage; versions between whose numbers others lie are counted."""
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        writer.commit()
        candidate = a_backfill(registry, OF_A_FILE)
        registry.writer.add_candidate(a_commit(a_lineage(registry, None).serial, BAD))
        a_lineage(registry, None)
        writer.commit()
        registry.serving.pin("promote", candidate, "better", "ann")
        lines = drawn(registry, capsys, monkeypatch)
    one, two, three, four = (line for line in lines if "began" in line)
    assert "; versions 1-4 (2 of them); " in one
    assert "never promoted" not in two
    assert three.endswith("; refused")
    assert four.rstrip().endswith("Z; no version")
    heads = [line.partition(":")[0] for line in lines if "── lineage" in line]
    assert heads[0].endswith("lineage 1, live")
    assert heads[1].endswith("lineage 2, version 2 is served, pinned")


def test_what_a_lineage_left_out_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside what it has learned."""
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        commit = a_commit(writer.lineage)
        events = {"events": 2_000, "learned": 600, "quarantined": 1_400}
        registry.writer.commit(writer.epoch, commit._replace(events=events))
        (line,) = (line for line in drawn(registry, capsys, monkeypatch) if "began" in line)
        assert line.rstrip().endswith("2,000 events, 600 learned, 1,400 in quarantine")
        assert lineages_json(registry.lineages.all())[0]["quarantined"] == 1_400


def crowded(registry: Registry, count: int) -> None:
    """So many lineages, each begun by a rollback to the only version of the one before."""
    every = [(n, max(n - 1, 1)) for n in range(1, count + 1)]
    model, now = {"model": "m"}, utc_now()
    start = {"positions": {"m.events": {0: 7}}, "topic_ids": {}, "journal_position": 1}
    begun = model | start | {"learner": {}, "schema_hash": "s", "created_at": now, "epoch": 1}
    saved = begun | dict.fromkeys(("manifest_sha256", "model_sha256", "reason"), "")
    saved |= {"metrics": {}, "events": {"events": 5, "learned": 5}, "state": "verified"}
    saved |= {"served": True, "broken": False, "thinned": False}
    done = model | {"at": now, "state": "done"}
    taken = done | {"kind": "resume", "leave_waiting": False}
    back = done | {"learner": "resume", "actor": "ann", "reason": 9 * "bad ", "pin": 1, "words": ""}
    rows = (
        [begun | {"serial": n, "origin": "rollback", "parent_version": v} for n, v in every],
        [saved | {"serial": n, "lineage": n, "version": n, "folder": f"f{n}"} for n, _ in every],
        [taken | {"seq": n, "version": v, "lineage": n, "checkpoint": v} for n, v in every],
        [back | {"number": n, "version": v, "lineage": n} for n, v in every],
    )
    rows[0][0]["parent_version"] = None
    names = ("lineages", "checkpoints", "adoptions", "rollbacks")
    with registry.database.write() as change:
        for name, each in zip(names, rows, strict=True):
            change.connection.execute(insert(database_tables.metadata.tables[name]), each)


def test_a_thousand_lineages_are_drawn_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By as many questions as one lineage; what is deep goes on at the top, and keeps its words."""
    with registry_at(tmp_path) as registry:
        crowded(registry, 1000)
        asked: list[str] = []
        monkeypatch.setattr(Connection, "execute", counting(Connection.execute, asked))
        began = process_time()
        lines = drawn(registry, capsys, monkeypatch)
        listed(registry)
        assert (process_time() - began) / slowness() < SECONDS
    assert len(asked) == 2 * QUESTIONS
    heads = [line for line in lines if ": rollback" in line]
    assert len(heads) == 1000
    assert max(line.index("lineage") for line in heads) == 4 * DEEPEST
    assert sum("see below" in line for line in lines) == (1000 - 1) // DEEPEST
    following = f"── lineage {DEEPEST + 1} (under lineage {DEEPEST}): rollback {DEEPEST + 1} to"
    assert any(line[1:].startswith(following) for line in lines)


def counting(execute: Callable[..., Any], asked: list[str]) -> Callable[..., Any]:
    """The same, which notes what it is asked."""

    def noted(connection: Connection, statement: object, *more: Any, **options: Any) -> Any:
        asked.append(str(statement))
        return execute(connection, statement, *more, **options)

    return noted
