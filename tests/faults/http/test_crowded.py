"""Routes that list, where there are thousands of versions and ledger entries: nobody else waits."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.http.attack import Attacked, server_and_probe
from tests.faults.http.case import TOKEN, Case, repeated
from tests.support.serving.project import Project
from tests.support.serving.served import a_project, maker_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

VERSIONS, ENTRIES = 2_000, 5_000
TOKEN_HEADER = (f"Authorization: Bearer {TOKEN}",)
TARGETS = (
    *("/versions", "/versions/1", "/versions/1999", "/versions/2002", "/history", "/status"),
    *("/history?at=2026-01-31T08:15:00Z", "/history?at=2100-01-01", "/metrics", "/openapi.json"),
    *("/health/ready", "/", "/docs"),
)


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server whose registry has years of versions and of changes behind it."""
    folder: Path = tmp_path_factory.mktemp("crowded")
    project = a_project(folder, f'[serve]\ntimeout = 60\nadmin_token = "{TOKEN}"\n')
    with maker_of(project) as maker:
        maker.make()
        maker.make()
    fill(project)
    with server_and_probe(project) as found:
        yield found


def fill(project: Project) -> None:
    """Copies of a version, older than it, and of an entry, newer."""
    path = project.settings.registry.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database:
        _repeat(
            database,
            "checkpoints",
            VERSIONS,
            serial="serial + n",
            version="version + n",
            folder="folder || n",
            thinned="1",
            served="0",
        )
        _repeat(database, "ledger", ENTRIES, seq="seq + n")
        database.commit()


def _repeat(database: sqlite3.Connection, table: str, count: int, **changed: str) -> None:
    columns = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
    last = "serial" if "serial" in columns else "seq"
    chosen = ", ".join(changed.get(name, name) for name in columns)
    database.execute(
        f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {count})"
        f" INSERT INTO {table} SELECT {chosen} FROM {table}, numbers"
        f" WHERE {last} = (SELECT max({last}) FROM {table})"
    )


def test_lists_of_thousands_keep_nobody_waiting(crowded: Attacked) -> None:
    """2,000 versions and 5,000 entries: every route answers, others wait 100 ms at most."""
    cases = [Case(path, path, "", repeated(b""), (200,), headers=TOKEN_HEADER) for path in TARGETS]
    outcomes = [crowded.try_case(case, 0, clients=8) for case in cases]
    assert {each.case.name: each.trouble for each in outcomes if each.trouble} == {}


def test_the_lists_are_whole(crowded: Attacked) -> None:
    """All versions and entries are in the answers, in their order."""
    _, versions = crowded.server.ask("/versions", token=TOKEN)
    assert [each["version"] for each in json.loads(versions)] == list(range(1, VERSIONS + 3))
    _, entries = crowded.server.ask("/history", token=TOKEN)
    assert [each["seq"] for each in json.loads(entries)] == list(range(1, ENTRIES + 3))
