"""A model to be served in tests: real versions made in a moment, and clients of the application.

Versions are learned by the real pipeline and committed with real snapshots, without a log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import copy
from pathlib import Path
from time import sleep
from typing import Any

from fastapi import FastAPI
from httpx2 import Response
from starlette.testclient import TestClient

from converters.cells.kind import FIRST_CONVERTER
from converters.cells.refusal import Refusal
from converters.config import load
from converters.convert.records import RowReader
from converters.schema import schema
from learners.registry import Registry
from learners.registry.requests import states
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.row_types import Fixed, Pointers, Start, Verdict
from learners.versions.served_learner import loaded
from serve.access.local_admin import ensure
from serve.app import create_app
from serve.openapi.declared_route import Route
from serve.routes import all_routes
from stream.checkpoints import checkpoint
from stream.fold.pipeline import new_pipeline
from stream.log.batch import EventRows, batch_of
from stream.log.contract import Place, Record, poll
from stream.log.topics import create_topics
from stream.resolved_config import fixed, learner_json
from tests.support.serving.project import BY_NAME, COLUMNS, Project, csv_text, flights

LOCAL = ("127.0.0.1", 50_000)
# What a client sends: features, id and time, without label.
FEATURES = tuple(name for name in COLUMNS if name not in ("late", "landed"))
# No topic's id: nothing was read from a log, and there need not be any.
START = Start({"flights.events": {0: 0}}, {}, 0)


class Maker:
    """A learner that makes versions when told to.

    Args:
        project: the model's.
        keeps_config: whether its lineage keeps the config, as older releases did not.
        history: gives the first rows that are learned, in the order of the project's columns.
    """

    def __init__(
        self,
        project: Project,
        *,
        keeps_config: bool = True,
        history: Callable[[int], Sequence[Sequence[str]]] = flights,
    ) -> None:
        self.project = project
        self._history = history
        self.context = project.context
        self.registry = Registry(project.settings.registry, project.settings.model)
        self.store = project.snapshots()
        self.epoch = self.registry.writer.begin_epoch("test")
        kept = fixed(self.context)
        if not keeps_config:
            self.context = self.context.read_by(FIRST_CONVERTER)
            kept = Fixed(learner_json(self.context), self.context.schema.hash)
        lineage = self.registry.writer.begin_lineage(
            self.epoch,
            parent_version=None,
            origin="learn",
            fixed=kept,
            start=START,
        )
        self.pipeline = new_pipeline(self.context, lineage.serial)
        self.parent: int | None = None
        self.convert = RowReader(self.context.schema).convert
        self._at = 0

    def make(self, rows: int = 200, verdict: Verdict | None = None) -> int:
        """Learn some more rows and commit a version; its number."""
        taken = [self.convert(row) for row in self._history(self._at + rows)[self._at :]]
        self._at += rows
        place = Place("flights.events", 0)
        self.pipeline.take(batch_of([EventRows(place, self._at, 1, taken)], {place: self._at}))
        pipeline, context = self.pipeline, self.context
        with checkpoint.saved(
            self.store, context, pipeline, START, self.parent, learned_something=True
        ) as saved:
            commit = saved._replace(verdict=verdict or saved.verdict)
            committed = self.registry.writer.commit(self.epoch, commit)
        assert committed.version is not None
        self.parent = committed.version
        return committed.version

    def model_file(self, version: int) -> Path:
        """Where a version's model lies on disk."""
        return self.store.folder / self.registry.versions.find(version).snapshot.folder / "model"

    def point_to(self, version: int) -> Pointers:
        """Serve a version."""
        return self.registry.serving.pin("promote", version, "test", "test")

    def scores(self, version: int, rows: Sequence[Sequence[str]]) -> list[float]:
        """What a version gives these rows, in process."""
        converted = [self.convert(row) for row in rows]
        texts = [row[2] for row in converted if not isinstance(row, Refusal)]
        found = self.registry.versions.find(version)
        with loaded(self.project.settings, found) as learner:
            return learner.predict(texts)

    def close(self) -> None:
        """Free everything."""
        self.pipeline.close()
        self.registry.close()


@contextmanager
def maker_of(project: Project, **options: Any) -> Iterator[Maker]:
    """A maker of versions, closed at the end."""
    maker = Maker(project, **options)
    try:
        yield maker
    finally:
        maker.close()


def replaying(maker: Maker, **beat: Any) -> None:
    """Have its learner read the log again without five records, and tell how far it is."""
    held = OffsetRanges.parse("flights.events:0:5-9")
    how = Replay(Skip({"skip": [str(held)]}, held))
    asked = maker.registry.rollbacks.ask(1, how, "poison", "ann@zz-host").rollback
    assert asked is not None
    with maker.registry.database.write() as change:
        states.claim(change, asked._replace(tip=maker.parent), 2)
        states.replaying(change, asked.number)
    far = {"rows": 1200, "of": 5000, "share": 0.24, "seconds_left": 90.5}
    status = {"alive": True, "catching_up": {"rollback": asked.number, **far}}
    maker.registry.writer.heartbeat(maker.epoch, status | beat)


@contextmanager
def client_of(project: Project, *, ready: bool = True, admin: bool = False) -> Iterator[TestClient]:
    """A client of the application in this process, once it serves; perhaps with the admin token."""
    headers = admin_header(project) if admin else {}
    app: FastAPI = create_app(project.settings, project.schema)
    address = "http://127.0.0.1:8000"
    with TestClient(app, base_url=address, client=LOCAL, headers=headers) as client:
        while ready and client.get("/health/ready").status_code != 200:
            sleep(0.005)
        yield client


def admin_header(project: Project) -> dict[str, str]:
    """The header with the admin token of this machine, made if there is none."""
    token = ensure(project.settings)
    assert token is not None
    return {"Authorization": f"Bearer {token}"}


def a_project(folder: Path, more: str = "", *, kind: str = "vw", **columns: str) -> Project:
    """A small model's project of a kind of learner, with other settings for some columns."""
    folder.mkdir(parents=True, exist_ok=True)
    args = "-b 10" if kind == "vw" else ""
    project = Project(folder, kind=kind, args=args, more=more, crosses=BY_NAME)
    if columns:
        lines = project.config_file.read_text(encoding="utf-8").splitlines()
        for name, settings in columns.items():
            (at,) = [n for n, line in enumerate(lines) if line.startswith(f"{name} = ")]
            same = "" if "kind" in settings or "role" in settings else 'kind = "categorical", '
            lines[at] = f"{name} = {{ {same}{settings} }}"
        project.config_file.write_text("\n".join(lines), encoding="utf-8")
        return edited(project)
    return project


def edited(project: Project, **changes: str) -> Project:
    """The same model with its config edited: other lines for these columns, empty to remove one.

    A column that is new comes behind the last.
    """
    lines = project.config_file.read_text(encoding="utf-8").splitlines()
    for name, line in changes.items():
        begin = f"{name} = "
        at = [n for n, each in enumerate(lines) if each.startswith(begin)]
        place = at[0] if at else lines.index("[learn]")
        lines[place : place + len(at)] = [line] if line else []
    found = copy(project)
    found.config_file.write_text("\n".join(lines), encoding="utf-8")
    found.settings = load.load(found.config_file)
    found.schema = schema.from_settings(found.settings)
    return found


@contextmanager
def a_client(
    folder: Path,
    versions: int = 1,
    more: str = "",
    *,
    admin: bool = False,
    kind: str = "vw",
    **columns: str,
) -> Iterator[tuple[TestClient, Maker]]:
    """A client of a server of a small model with so many versions, and the model's maker.

    Args:
        folder: of the model.
        versions: how many there are at the start.
        more: text for the end of the config.
        admin: send the admin token with every request.
        kind: of the learner.
        columns: other settings than the project's for these columns.
    """
    with maker_of(a_project(folder, more, kind=kind, **columns)) as maker:
        for _ in range(versions):
            maker.make()
        with client_of(maker.project, ready=versions > 0, admin=admin) as client:
            yield client, maker


def routes_of(client: TestClient) -> list[Route]:
    """The routes that a client's application was made of."""
    return all_routes(client.app.state.service)  # type: ignore[attr-defined]


def problem_of(response: Response) -> dict[str, Any]:
    """The problem document of a failure, which is well formed and has the request's id."""
    assert response.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = response.json()
    assert set(content) >= {"type", "title", "status", "detail", "request_id"}
    assert content["request_id"] == response.headers["x-request-id"]
    assert content["status"] == response.status_code
    assert content["type"].startswith("urn:freshet:problem:")
    return content


def as_csv(rows: Sequence[Sequence[str]], header: Sequence[str] = COLUMNS) -> str:
    """Rows as a CSV body."""
    return csv_text([[row[COLUMNS.index(name)] for name in header] for row in rows], header)


def as_object(row: Sequence[str]) -> dict[str, Any]:
    """A row as a client sends it: without label, numbers as numbers."""
    cells = dict(zip(COLUMNS, row, strict=True))
    return {name: int(cells[name]) if name == "distance" else cells[name] for name in FEATURES}


def written(project: Project) -> dict[tuple[str, int, int], Record]:
    """All records of both topics, by topic, partition and offset."""
    with project.open_log() as log:
        states = log.describe(create_topics(log, project.settings).inputs).values()
        begins = {place: at for state in states for place, at in state.begins.items()}
        ends = {place: at for state in states for place, at in state.ends.items()}
        found: list[Record] = []
        with closing(log.read(begins)) as reader:
            while any(reader.buffers[place].position < end for place, end in ends.items()):
                found += poll(reader, 0.1)
    return {(*each.place, each.offset): each for each in found}
