"""Wraps the steps of the commit protocol in a process that is about to become a learner.

Runs inside a child of :mod:`tests.faults.zygote` alone. Everything is wrapped by its public name;
one that is no longer there is a clear failure, and not a point that silently is never passed.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.points import Trace

Function = Callable[..., Any]


class GoneError(Exception):
    """The product has no function or constant of this name any more; mend the harness."""


def set_constants(values: Mapping[str, float]) -> None:
    """Set constants of the stream floor, in whichever modules hold them."""
    for name, value in values.items():
        holders = [
            module
            for path, module in list(sys.modules.items())
            if path.startswith("stream.") and hasattr(module, name)
        ]
        if not holders:
            raise GoneError(f"no module of `stream` holds a constant {name}")
        for module in holders:
            setattr(module, name, value)


def replace(where: str, name: str, make: Callable[[Function], Function]) -> None:
    """Replace ``name`` (a function, or ``Class.method``) of a module by what ``make`` returns."""
    owner: Any = importlib.import_module(where)
    *classes, last = name.split(".")
    try:
        for each in classes:
            owner = getattr(owner, each)
        original = getattr(owner, last)
    except AttributeError:
        raise GoneError(f"{where} has no {name}") from None
    setattr(owner, last, make(original))


@dataclass
class Instruments:
    """The wrappers, in which wrapped calls the process is just now, and when readers are killed."""

    trace: Trace
    reader_seconds: float | None = None
    inside: set[str] = field(default_factory=set)

    def install(self, log: str) -> None:
        """Wrap everything that a learner on this kind of log passes."""
        self._start(log)
        self._fold()
        self._sqlite_outputs() if log == "sqlite" else self._kafka_outputs()
        self._snapshots()
        self._registry()
        self._thinning()
        self._readers()

    def step(
        self,
        where: str,
        name: str,
        before: str = "",
        after: str = "",
        *,
        marks: str = "",
        within: str = "",
    ) -> None:
        """Note a point before and one after each call.

        Args:
            where: the module.
            name: what it calls the function.
            before: the point to note before, if any.
            after: the point to note after, if any.
            marks: what the process is inside of during the call.
            within: note only while inside of this.
        """

        def make(original: Function) -> Function:
            def wrapped(*given: Any, **named: Any) -> Any:
                noted = not within or within in self.inside
                if noted and before:
                    self.trace.passed(before)
                self.inside.add(marks)
                try:
                    answer = original(*given, **named)
                finally:
                    self.inside.discard(marks)
                if noted and after:
                    self.trace.passed(after)
                return answer

            return wrapped

        replace(where, name, make)

    def _start(self, log: str) -> None:
        kind = "SqliteLog" if log == "sqlite" else "KafkaLog"
        self.step("filelock", "FileLock.__enter__", after="start: lock taken")
        self.step("learners.registry.writer", "Writer.begin_epoch", after="start: epoch begun")
        self.step(f"stream.log_{log}.log", f"{kind}.writer", after="start: writer opened")
        self.step("learners.registry.writer", "Writer.begin_lineage", after="start: lineage begun")
        self.step("stream.checkpoints.checkpoint", "load", after="start: checkpoint loaded")

    def _fold(self) -> None:
        def make(original: Function) -> Function:
            def take(*given: Any, **named: Any) -> Any:
                lead = "fold" if named.get("write", True) else "replay"
                self.trace.passed(f"{lead}: batch read")
                answer = original(*given, **named)
                self.trace.passed(f"{lead}: batch folded")
                return answer

            return take

        replace("stream.fold.pipeline", "Pipeline.take", make)

    def _readers(self) -> None:
        passed, seconds = self.trace.passed, self.reader_seconds

        def kill(process: Any) -> None:
            if process.poll() is None:
                process.kill()
                passed("reader: killed")

        def make(original: Function) -> Function:
            def opened(reader: Any, assignment: Any) -> None:
                original(reader, assignment)
                passed("reader: told what to read")
                if seconds is not None:
                    threading.Timer(seconds, kill, [reader._process]).start()

            return opened

        replace("stream.reading.reader_process", "RemoteReader.open", make)

    def _sqlite_outputs(self) -> None:
        passed = self.trace.passed

        def make(original: Function) -> Function:
            @contextmanager
            def transaction(connection: Any) -> Iterator[None]:
                noted = "outputs" in self.inside
                with original(connection):
                    passed("outputs: BEGIN IMMEDIATE done") if noted else None
                    yield
                    passed("outputs: before COMMIT") if noted else None
                passed("outputs: after COMMIT") if noted else None

            return transaction

        where, ends = "stream.log_sqlite.log", ("outputs: before BEGIN", "outputs: write returned")
        self.step(where, "SqliteWriter.write", *ends, marks="outputs")
        replace(where, "transaction", make)
        self.step(where, "insert", after="outputs: a topic's records inserted", within="outputs")

    def _kafka_outputs(self) -> None:
        client, library = "stream.log_kafka.client", "kafka.producer.transaction_manager"
        ends = ("outputs: before BEGIN", "outputs: write returned")
        self.step("stream.log_kafka.writers", "KafkaWriter.write", *ends)
        self.step(client, "Producer.begin_transaction", after="outputs: transaction begun")
        self.step(client, "Producer.send", after="outputs: a record handed over")
        self.step(client, "Producer.deliver", "outputs: before delivery", "outputs: delivered")
        ends = ("outputs: commit asked for", "outputs: committed")
        self.step(client, "Producer.commit_transaction", *ends)
        answered = "outputs: commit answered, not heard"
        self.step(library, "EndTxnHandler.handle_response", before=answered)

    def _snapshots(self) -> None:
        passed = self.trace.passed

        def make(original: Function) -> Function:
            @contextmanager
            def draft(*given: Any) -> Iterator[Any]:
                real: AbstractContextManager[Any] = original(*given)
                with real as made:
                    self.inside.add("draft")
                    passed("snapshot: draft made")
                    yield made
                self.inside.discard("draft")
                passed("snapshot: left")

            return draft

        def opened(event: str, given: tuple[Any, ...]) -> None:
            if event == "open" and "draft" in self.inside and given[2] & (os.O_WRONLY | os.O_RDWR):
                passed("snapshot: a file opened")

        replace("learners.snapshots.store", "SnapshotStore.draft", make)
        self.step(
            "learners.vw.learner", "VWLearner.save", after="snapshot: model saved", within="draft"
        )
        ends = ("snapshot: before the manifest", "snapshot: manifest written")
        draft = "learners.snapshots.store"
        self.step(draft, "write_new", *ends)
        ends = ("snapshot: before a folder's fsync", "snapshot: after a folder's fsync")
        self.step(draft, "sync_folder", *ends)
        ends = ("snapshot: before an fsync", "snapshot: after an fsync")
        self.step("os", "fsync", *ends, within="draft")
        sys.addaudithook(opened)

    def _registry(self) -> None:
        from sqlalchemy import Engine, event

        def committing(_connection: Any) -> None:
            if "commit" in self.inside:
                self.trace.passed("registry: before COMMIT")

        where, ends = "learners.registry", ("registry: before BEGIN", "registry: after COMMIT")
        self.step(f"{where}.writer", "Writer.commit", *ends, marks="commit")
        self.step(f"{where}.database", "lock", after="registry: begun", within="commit")
        inserted = "registry: checkpoint row inserted"
        self.step(f"{where}.versions", "add", after=inserted, within="commit")
        event.listen(Engine, "commit", committing)

    def _thinning(self) -> None:
        def make(original: Function) -> Function:
            def rename(source: Any, target: Any, **named: Any) -> None:
                thinned = Path(target).name.startswith(".gone-")
                finished = Path(source).name.startswith(".draft-")
                lead = {thinned: "thinning", finished: "snapshot"}.get(True)
                before = (
                    "thinning: before the folder goes" if thinned else f"{lead}: before the rename"
                )
                after = "thinning: renamed to .gone" if thinned else f"{lead}: after the rename"
                self.trace.passed(before) if lead else None
                original(source, target, **named)
                self.trace.passed(after) if lead else None

            return rename

        replace("os", "rename", make)
        where, over = "learners.snapshots.store", "thinning: folder removed"
        self.step("learners.registry.writer", "Writer.mark_thinned", after="thinning: marked")
        self.step(where, "remove", after=over, marks="removal")
        self.step("os", "unlink", after="thinning: a file removed", within="removal")
        self.step(where, "SnapshotStore.collect_orphans", after="thinning: over")
