"""The pointers under any sequence of events, and under several threads, against simple models."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from learners.registry.errors import (
    AdoptionWithdrawnError,
    SupersededError,
    UnservableVersionError,
)
from learners.registry.row_types import Adoption
from learners.registry.serving import Moving
from tests.support.learning.registry_samples import (
    BAD,
    GOOD,
    HELD,
    Writer,
    a_commit,
    a_lineage,
    open_registry,
    registry_at,
)

Action = Literal["promote", "rollback"]
# Hundreds of synced commits a run: on a disk they would be most of the time.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
ACTIONS: tuple[Action, ...] = ("promote", "rollback")
VERDICTS = {"verified": GOOD, "candidate": HELD, "refused": BAD}


@dataclass
class Expected:
    """A version as the simple model sees it."""

    lineage: int
    state: str
    chosen: bool = False
    broken: bool = False
    backfilled: bool = False
    held: bool = False


class PointerMachine(RuleBasedStateMachine):
    """A registry beside a model in plain Python: after every step both say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY)
        self.registry = open_registry(Path(self.folder.name))
        self.writer = Writer(self.registry)
        self.old_epochs: list[int] = []
        self.versions: dict[int, Expected] = {}
        self.parents: dict[int, int | None] = {self.writer.lineage: None}
        self.asked: int | None = None
        self.registry_asked: Adoption | None = None
        self.withdrawn: Adoption | None = None
        self.latest: int | None = None
        self.serving: int | None = None
        self.pinned = False

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.registry.close()
        self.folder.cleanup()

    def pick(self, data: st.DataObject) -> int:
        """One of the versions."""
        return data.draw(st.sampled_from(sorted(self.versions)))

    def serve(self, number: int | None) -> None:
        """The model's serving pointer moves."""
        self.serving = number
        if number is not None:
            self.versions[number].state = "verified"

    def good(self, *numbers: int) -> int | None:
        """The newest of these that can be served."""
        fine = [number for number in numbers if self.versions[number].state == "verified"]
        return max(fine, default=None)

    @rule(state=st.sampled_from(tuple(VERDICTS)), learned=st.booleans())
    def commit(self, state: str, learned: bool) -> None:
        """The learner commits; only what is good is served by itself, if nothing is in the way."""
        done = self.writer.commit(VERDICTS[state], learned=learned)
        if not learned:
            assert done.version is None
            return
        self.latest = 1 + max(self.versions, default=0)
        assert done.version == self.latest
        held = state == "candidate"
        self.versions[self.latest] = Expected(self.writer.lineage, state, held=held)
        if state == "verified" and not self.pinned and self.asked is None:
            self.serve(self.latest)

    @rule()
    def take_over(self) -> None:
        """Another learner begins."""
        self.old_epochs.append(self.writer.epoch)
        self.writer.epoch = self.registry.writer.begin_epoch("host:2")

    @precondition(lambda self: self.old_epochs)
    @rule()
    def revive(self) -> None:
        """A superseded learner tries to commit."""
        with pytest.raises(SupersededError):
            self.registry.writer.commit(self.old_epochs[-1], a_commit(self.writer.lineage))

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def begin_lineage(self, data: st.DataObject) -> None:
        """The learner goes on from a version, on a new lineage."""
        parent = data.draw(st.none() | st.sampled_from(sorted(self.versions)))
        self.writer.lineage = a_lineage(self.registry, self.writer.epoch, parent).serial
        self.parents[self.writer.lineage] = parent
        self.latest = self.latest if parent is None else parent

    @precondition(lambda self: self.asked is not None)
    @rule()
    def adopt(self) -> None:
        """The learner takes what is asked for."""
        taken = self.writer.adopt()
        assert taken
        assert taken.version == self.asked
        self.parents[self.writer.lineage] = self.latest = taken.version
        self.asked = None

    @precondition(lambda self: self.withdrawn is not None)
    @rule()
    def adopt_too_late(self) -> None:
        """The learner would take what it read before it was withdrawn."""
        late = self.withdrawn
        assert late
        with pytest.raises(AdoptionWithdrawnError):
            a_lineage(self.registry, self.writer.epoch, late.version, adoption=late)

    @rule(good=st.booleans())
    def add_candidate(self, good: bool) -> None:
        """A backfill ends."""
        lineage = a_lineage(self.registry, None).serial
        number = self.registry.writer.add_candidate(a_commit(lineage, GOOD if good else BAD))
        state = "candidate" if good else "refused"
        self.versions[number] = Expected(lineage, state, backfilled=True)

    def ask(self, number: int | None) -> None:
        """The learner is to take this version and no other."""
        before = self.registry_asked
        self.withdrawn = before if before is not None else self.withdrawn
        self.asked = number

    @precondition(lambda self: self.versions)
    @rule(data=st.data(), action=st.sampled_from(ACTIONS), follow=st.booleans())
    def serve_version(self, data: st.DataObject, action: Action, follow: bool) -> None:
        """Someone promotes a version or rolls back to it."""
        number, moving = self.pick(data), Moving(follow=follow)
        self.registry_asked = self.registry.adoptions.pending()
        never_served = action == "rollback" and self.versions[number].state == "candidate"
        if never_served or self.versions[number].state in {"refused", "thinned"}:
            with pytest.raises(UnservableVersionError):
                self.registry.serving.pin(action, number, "why", "ann", moving)
            return
        self.registry.serving.pin(action, number, "why", "ann", moving)
        self.serve(number)
        self.versions[number].chosen = True
        self.pinned = not follow
        taken = self.parents[self.writer.lineage] == number
        asking = action == "promote" and self.versions[number].backfilled and not taken
        self.ask(number if asking else None)

    @rule()
    def unpin(self) -> None:
        """Someone lets the learner's newest be served again, or what it is to continue from."""
        self.registry.serving.unpin("why", "ann")
        self.pinned = False
        if self.asked is not None:
            self.serve(self.asked)
            return
        live = self.writer.lineage
        own = [n for n, v in self.versions.items() if v.lineage == live]
        best = self.good(*(n for n in own if not self.versions[n].held or n == self.serving))
        parent = self.parents[live]
        if best is None and parent is not None:
            best = self.good(parent)
        if best is not None:
            self.serve(best)

    @precondition(lambda self: self.versions)
    @rule(data=st.data())
    def find_corrupt(self, data: st.DataObject) -> None:
        """A server finds a version corrupt."""
        number = self.pick(data)
        self.registry_asked = self.registry.adoptions.pending()
        self.registry.serving.refuse(self.registry.versions.find(number), "sha256", "server")
        version = self.versions[number]
        if version.broken:
            return
        version.broken = True
        if version.state != "thinned":
            version.state = "refused"
        if self.asked == number:
            self.ask(None)
        if self.serving == number:
            instead = self.good(*(n for n in self.versions if n < number))
            self.serve(instead if instead is not None else self.good(*self.versions))
            self.pinned = self.pinned and self.serving is not None
            if self.serving is not None:
                self.versions[self.serving].chosen = True

    @rule(keep=st.integers(0, 3))
    def thin(self, keep: int) -> None:
        """Old versions are given up."""
        gone = self.registry.writer.mark_thinned(self.registry.writer.thinnable(keep))
        for version in (found.version for found in gone):
            if version is not None:
                assert not self.versions[version].chosen
                needed = {self.latest, self.serving, self.asked, *self.parents.values()}
                assert version not in needed
                assert version in sorted(self.versions)[: len(self.versions) - keep]
                self.versions[version].state = "thinned"

    @invariant()
    def both_say_the_same(self) -> None:
        """Pointers, states and ledger are as the model has them."""
        pointers = self.registry.serving.pointers()
        assert (pointers.latest, pointers.serving) == (self.latest, self.serving)
        assert pointers.pinned == self.pinned
        asked = self.registry.adoptions.pending()
        assert (None if asked is None else asked.version) == self.asked
        states = {found.version: found.state for found in self.registry.versions.all()}
        assert states == {number: version.state for number, version in self.versions.items()}
        ledger = self.registry.ledger.entries()
        moves = [(entry.from_version, entry.to_version) for entry in ledger]
        assert [before for before, _ in moves] == [None, *(after for _, after in moves)][:-1]
        assert not ledger or ledger[-1].to_version == self.serving


TestPointers = PointerMachine.TestCase
TestPointers.settings = settings(
    max_examples=10,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_commits_never_move_what_is_served_off_a_pin(tmp_path: Path) -> None:
    """While threads commit, roll back and unpin, no publish moves serving between pin and unpin."""
    with registry_at(tmp_path) as registry:
        writer = Writer(registry)
        writer.versions(2)
        together = threading.Barrier(3)

        def publish(_round: int) -> None:
            writer.commit()

        def roll_back(round_: int) -> None:
            version = 1 + round_ % 2
            assert registry.serving.pin("rollback", version, "try", "ann").serving == version

        def let_go(round_: int) -> None:
            if round_ % 4 == 0:
                assert not registry.serving.unpin("tried", "ben").pinned

        def in_step(act: Callable[[int], None]) -> None:
            for round_ in range(20):
                together.wait()
                act(round_)

        with ThreadPoolExecutor(3) as pool:
            for task in [pool.submit(in_step, act) for act in (publish, roll_back, let_go)]:
                task.result()
        ledger = registry.ledger.entries()
    pinned: int | None = None
    for entry in ledger:
        assert entry.action != "publish" or pinned is None or entry.to_version == pinned
        pinned = entry.to_version if entry.detail["pinned"] else None
    published = [entry for entry in ledger if entry.action == "publish"]
    assert len(published) == 22
    assert any(entry.detail["pinned"] for entry in published)
