"""Small registries, commits and snapshots for the tests of both, and a learner to be killed."""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from learners.registry import Registry
from learners.registry.errors import SupersededError
from learners.registry.row_types import (
    Adoption,
    Commit,
    Committed,
    Fixed,
    Json,
    Lineage,
    Start,
    Verdict,
)
from learners.snapshots.manifest import SnapshotRef
from learners.snapshots.store import SnapshotStore
from tests.support import ROOT

LEARNER = {"kind": "vw", "args": ["--loss_function", "logistic"]}
START = Start({"m.events": {0: 7, 3: 0}, "m.labels": {0: 2}}, {"m.events": "A", "m.labels": "B"}, 5)
# A backfill of a file has no positions in the log.
OF_A_FILE = Start({}, {}, 0)
GOOD = Verdict(good=True)
HELD = Verdict(good=True, reason="worse than the base rate", held=True)
BAD = Verdict(good=False, reason="a weight is not finite")
_serials = itertools.count(1)


@dataclass
class Clock:
    """A clock that goes on by a second at each look."""

    now: datetime = datetime(2026, 1, 1, 0, 0, 0, 123_456, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The next second."""
        self.now += timedelta(seconds=1)
        return self.now


def open_registry(folder: Path, model: str = "m", clock: Clock | None = None) -> Registry:
    """The registry in a folder."""
    return Registry(f"sqlite:///{folder}/registry.db", model, clock or Clock())


def registry_at(folder: Path, model: str = "m", clock: Clock | None = None) -> closing[Registry]:
    """The registry in a folder, open until the ``with`` ends."""
    return closing(open_registry(folder, model, clock))


def a_lineage(
    registry: Registry,
    epoch: int | None,
    parent: int | None = None,
    after: int = 0,
    adoption: Adoption | None = None,
    quarantined: Json | None = None,
) -> Lineage:
    """A new lineage, the live one if an epoch is given."""
    return registry.writer.begin_lineage(
        epoch,
        parent_version=parent,
        origin="learn",
        fixed=Fixed(LEARNER, "schema", quarantined=quarantined),
        start=START,
        after=after,
        adoption=adoption,
    )


def a_backfill(registry: Registry, start: Start = START, schema_hash: str = "schema") -> int:
    """A candidate, by its number."""
    commit = a_commit(a_lineage(registry, None).serial, start=start, schema_hash=schema_hash)
    return registry.writer.add_candidate(commit)


def a_commit(
    lineage: int,
    verdict: Verdict = GOOD,
    *,
    learned: bool = True,
    snapshot: SnapshotRef | None = None,
    schema_hash: str = "schema",
    start: Start = START,
    waiting: int = 0,
) -> Commit:
    """What a learner would hand in; the folder is made up unless a snapshot is given."""
    serial = next(_serials)
    return Commit(
        lineage=lineage,
        parent_version=None,
        snapshot=snapshot or SnapshotRef(f"folder-{serial}", f"{serial:064d}"),
        model_sha256="f" * 64,
        start=start,
        learned_something=learned,
        verdict=verdict,
        events={"events": serial, "learned": serial, "waiting": waiting},
        metrics={"log_loss": 0.1 + 0.2, "auc": None},
        learner=LEARNER,
        schema_hash=schema_hash,
    )


@dataclass
class Writer:
    """A learner that owns its epoch and works on a live lineage."""

    registry: Registry
    epoch: int = field(init=False)
    lineage: int = field(init=False)

    def __post_init__(self) -> None:
        self.epoch = self.registry.writer.begin_epoch("host:1")
        self.lineage = a_lineage(self.registry, self.epoch).serial

    def commit(
        self,
        verdict: Verdict = GOOD,
        *,
        learned: bool = True,
        waiting: int = 0,
        start: Start = START,
    ) -> Committed:
        """One more checkpoint."""
        commit = a_commit(self.lineage, verdict, learned=learned, waiting=waiting, start=start)
        return self.registry.writer.commit(self.epoch, commit)

    def adopt(self) -> Adoption | None:
        """Take what is asked for, if anything is."""
        asked = self.registry.adoptions.pending()
        if asked is not None:
            begun = a_lineage(self.registry, self.epoch, asked.version, adoption=asked)
            self.lineage = begun.serial
        return asked

    def versions(self, count: int) -> None:
        """So many more good versions."""
        for _ in range(count):
            self.commit()


def start_learner(
    folder: Path, count: int = 1_000_000, pause: float = 0.02
) -> subprocess.Popen[str]:
    """A process that takes over as the learner and commits versions, printing each number."""
    arguments = [str(folder), str(count), str(pause)]
    command = [sys.executable, "-m", "tests.support.learning.registry_samples", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def learn(folder: Path, count: int, pause: float) -> None:
    """Commit versions with real snapshot folders until told that another has taken over."""
    registry, store = open_registry(folder), SnapshotStore(folder / "snapshots")
    epoch = registry.writer.begin_epoch("another process")
    live = registry.versions.live_lineage() or a_lineage(registry, epoch)
    for number in range(count):
        with store.draft() as draft:
            (draft.path / "model").write_bytes(b"weights" * 100)
            (draft.path / "waiting").write_text(str(number))
            commit = a_commit(live.serial, snapshot=draft.finish({"number": number}))
            try:
                print(registry.writer.commit(epoch, commit).version, flush=True)  # noqa: T201
            except SupersededError:
                print("superseded", flush=True)  # noqa: T201
                return
        time.sleep(pause)


if __name__ == "__main__":
    learn(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
