"""Random walks over everything that can happen to a learner that is rolled back.

``python -m tests.replay.walks --walks 300 --seed 1`` sends events and labels, late or corrected,
learns some of them, crashes, goes back with ``resume`` and ``replay``, leaves records out, undoes
that and lets them in again. After each stretch of learning every score, the counts, the measures,
what waits and the model's bytes have to be those of :mod:`tests.replay.lineages_by_rows`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from converters.convert.records import RowReader
from converters.errors import FreshetError
from learners import choose
from learners.registry import Registry
from learners.registry.actor import Actor
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.row_types import Rollback
from learners.versions.way_back import roll_back
from stream.log import journal
from stream.log.batch import EventRows, LabelRows
from stream.log.contract import Outgoing, Place
from stream.log.journal import to_cut
from stream.quarantine.replay import replay
from stream.reading import merge
from tests.replay.lineages_by_rows import Back, Lineages, Scored
from tests.replay.state_by_rows import Cut, Offset, Partition, Rules, Sent
from tests.replay.walk_checks import check_alike, check_outputs
from tests.replay.watched import Crash, CrashError, crashing, watching
from tests.support.serving.project import Project

ANN = Actor("ann", {"kind": "command line"})
STEPS = 16
BEGIN_MS = 1_357_016_400_000
SHADOW = '[[shadow]]\nname = "slow"\nargs = "-b 10 -l 0.1"\n'
# How often each comes.
ACTS = {
    "send": 4,
    "label": 4,
    "learn": 3,
    "crash": 5,
    "resume": 4,
    "replay": 6,
    "instead": 3,
    "cancel": 0.5,
    "quarantine": 1,
    "serve": 1,
}
ASKED = ("resume", "replay", "instead", "cancel", "quarantine", "serve")


def config_of(draw: random.Random) -> tuple[str, bool]:
    """What a model is configured to do; and whether it gets its shadow later."""
    late = [f"wait = {draw.choice([600, 3000, 20_000])}"]
    late += ['expired = "negative"'] * (draw.random() < 0.4)
    late += ["allow_corrections = true"] * (draw.random() < 0.4)
    late += [f"label_wait = {draw.choice([300, 5000])}"] * (draw.random() < 0.3)
    late += [f"max_waiting = {draw.choice([5, 30])}"] * (draw.random() < 0.25)
    calibrated = '[calibration]\nmethod = "platt"\nwindow = 100\nevery = 10\n'
    shadow = draw.choice(["", SHADOW, SHADOW, "later"])
    minute = draw.randrange(60)
    text = [
        f'static_after = "2013-01-01T0{draw.randrange(5, 8)}:{minute:02}"\n' * draw.randint(0, 1),
        "[late_labels]\n" + "\n".join(late) + "\n",
        f"[duplicates]\nwindow = {draw.choice([0, 40, 200_000])}\n",
        calibrated * (draw.random() < 0.5),
        "[imbalance]\nnegative_share = 0.5\n" * (draw.random() < 0.4),
        f"[topics]\npartitions = {draw.randint(1, 3)}\n",
        f"[checkpoint]\nevents = {draw.choice([20, 60, 100_000])}\nmin_spacing = 0\nkeep = 1000\n",
        shadow.replace("later", ""),
    ]
    return "".join(text), shadow == "later"


class Walk:
    """One model, one walk.

    Attributes:
        done: how often each act was done, and not refused.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._draw = draw = random.Random(seed)
        config, self._shadow_later = config_of(draw)
        self._project = Project(folder / "walk", args="-b 10", more=config)
        self._rows = RowReader(self._project.schema)
        topics = self._project.topics()
        self._events, self._labels = topics.events, topics.labels
        self._partitions = self._project.settings.topics.partitions
        self._sent: dict[Partition, list[Sent]] = {
            (topic, at): [] for topic in topics.inputs for at in range(self._partitions)
        }
        self._batch_rows = draw.choice([5, 17, 60, 10_000])
        self._now, self._count = BEGIN_MS, 0
        self._unlabelled: list[tuple[str, int]] = []
        self._followed = 0
        self._given: dict[tuple[int, int], list[Scored]] = {}
        self._asked: dict[int, Back] = {}
        self._ranges: dict[int, frozenset[Offset]] = {}
        self.plain = Lineages(self._rules(), self._sent)
        self.done: Counter[str] = Counter()
        self.told: list[str] = []

    def run(self) -> None:
        """Walk.

        Raises:
            AssertionError: something is not as in the simulation.
        """
        self._send(40)
        self._label(20)
        self._learn()
        acts: dict[str, Callable[[], None]] = {
            "send": lambda: self._send(self._draw.randint(1, 40)),
            "label": lambda: self._label(self._draw.randint(1, 20)),
            "learn": self._learn,
            "crash": self._crash,
            "resume": self._resume,
            "replay": lambda: self._replay(instead=False),
            "instead": lambda: self._replay(instead=True),
            "cancel": self._cancel,
            "quarantine": self._quarantine,
            "serve": self._serve,
        }
        for _ in range(STEPS):
            (name,) = self._draw.choices(list(ACTS), list(ACTS.values()))
            self.told.append(name)
            # What cannot be asked for now is refused; learning must not fail.
            with suppress(*[FreshetError] * (name in ASKED)):
                acts[name]()
                self.done[name] += 1
        self._learn()
        self._end()

    # What comes.

    def _send(self, count: int) -> None:
        """Records of events, some with their label, some refused or with an id that was there."""
        draw, flipped = self._draw, self._draw.random() < 0.3
        for _ in range(count):
            self._now += draw.choice([0, 1, 1000, 20_000, 60_000])
            rows = [self._row(flipped=flipped) for _ in range(draw.choice([1, 1, 1, 4]))]
            self._append(self._events, "\n".join(text for _, text in rows), [i for i, _ in rows])

    def _row(self, *, flipped: bool) -> tuple[str, str]:
        """An event's id and cells."""
        draw = self._draw
        self._count += 1
        id_ = f"e{self._count}"
        if draw.random() < 0.05:
            id_ = draw.choice(["", f"e{draw.randint(1, self._count)}"])
        hour = draw.randrange(24)
        label = int(draw.random() < 0.1 + 0.02 * hour) ^ flipped
        own = draw.random() < 0.35
        if not own and id_:
            self._unlabelled.append((id_, label))
        distance = "x" if draw.random() < 0.03 else draw.randrange(80, 3000)
        carrier, origin = draw.choice("AB") + draw.choice("XYZ"), draw.choice(("JFK", "LGA", ""))
        said = label if own else ""
        return id_, f"{id_},{self._now // 1000},{said},{carrier},{origin},{hour},{distance},"

    def _label(self, count: int) -> None:
        """Records of labels: late, twice, corrected, or of an event that is still to come."""
        draw = self._draw
        for _ in range(count):
            self._now += draw.choice([0, 1, 1000, 5000])
            rows = []
            for _ in range(draw.choice([1, 3])):
                if not self._unlabelled:
                    break
                at = draw.randrange(max(0, len(self._unlabelled) - 60), len(self._unlabelled))
                id_, label = self._unlabelled[at]
                if draw.random() < 0.9:
                    self._unlabelled.pop(at)
                if draw.random() < 0.03:
                    id_ = f"e{self._count + draw.randint(1, 40)}"
                rows.append((id_, label ^ (draw.random() < 0.1)))
            if rows:
                text = "\n".join(f"{id_},{label}" for id_, label in rows)
                self._append(self._labels, text, [id_ for id_, _ in rows])

    def _append(self, topic: str, text: str, ids: list[str]) -> None:
        """One record, on any partition, now and then of an earlier time than the one before."""
        partition = self._draw.randrange(self._partitions)
        now = self._now - self._draw.choice([0] * 9 + [120_000])
        with self._project.open_log() as log:
            ((_, offset),) = log.append(topic, [Outgoing(text.encode(), now, (), None, partition)])
        known, place = self._sent[topic, partition], Place(topic, partition)
        assert offset == len(known), "the offsets of this log have no gaps"
        if topic == self._events:
            rows = self._rows.events(text.encode())
            known.append(Sent(EventRows(place, offset, now, rows), [i for i in ids if i]))
        else:
            labels = self._rows.labels(text.encode())
            known.append(Sent(LabelRows(place, offset, now, labels), ids))

    # Who learns.

    def _learn(self) -> None:
        """To the log's end; then everything is compared."""
        with watching(self._given), patch.object(merge, "BATCH_ROWS", self._batch_rows):
            report = self._project.learn()
        self._follow()
        check_alike(self._project, self.plain, self._given, report)
        if self._shadow_later and self._draw.random() < 0.3:
            self._add_shadow()

    def _crash(self) -> None:
        """The learner ends somewhere, or not."""
        crash = Crash.drawn(self._draw)
        self.told.append(str(crash))
        with (
            watching(self._given),
            patch.object(merge, "BATCH_ROWS", self._batch_rows),
            suppress(CrashError),
            crashing(crash) as seen,
        ):
            self._project.learn(seen)

    def _follow(self) -> None:
        """Have the simulation take what the journal has more."""
        with self._project.open_log() as log:
            lines = list(journal.lines(log, self._project.topics().journal))
        for line in lines[self._followed :]:
            if line.lineage != self.plain.serial:
                assert line.rollback is not None
                self.plain.begin(line.lineage, self._asked[line.rollback])
            if line.batch:
                self.plain.batch(line.batch, self._cut(line.cut))
        self._followed = len(lines)

    def _add_shadow(self) -> None:
        """From here on there is one; versions of before do not have it."""
        self._shadow_later = False
        config = self._project.config_file
        config.write_text(config.read_text("utf-8") + SHADOW, "utf-8")
        self._project = self._project.edited()
        self.plain.rules = self.plain.live.rules = self._rules()
        self.plain.live.begin_shadow()

    def _cut(self, cut: Mapping[Place, int]) -> Cut:
        found = {(place.topic, place.partition): at for place, at in cut.items()}
        return dict.fromkeys(self._sent, 0) | found

    def _rules(self) -> Rules:
        """The config as the simulation has it."""
        settings, schema = self._project.settings, self._project.schema
        static, calibration = settings.evaluation.static_after, settings.calibration
        after = None if static is None else _milliseconds(static)
        return Rules(
            settings.late_labels,
            settings.duplicates.window,
            self._project.context.spec,
            settings.imbalance.negative_share,
            calibration.window if calibration.method == "platt" else 0,
            calibration.every,
            after,
            choose.shadow_specs(settings, schema).get("slow"),
        )

    # What is asked for.

    def _version(self) -> int:
        """One of those that were served, rather a newer one."""
        with self._project.registry() as registry:
            served = [version.version for version in registry.versions.all() if version.served]
        return self._draw.choice(served[-6:] if self._draw.random() < 0.5 else served)

    def _resume(self) -> None:
        version = self._version()
        config = self._project.settings, self._project.schema
        with self._project.registry() as registry:
            found = roll_back(registry, config, version, "resume", "bad", ANN).rollback
            assert found is not None
            self._note(found, frozenset())

    def _replay(self, *, instead: bool) -> None:
        """With some ranges more in quarantine, or with what is in it already."""
        held = self._drawn_ranges() if self._draw.random() < 0.7 else OffsetRanges()
        version, config = self._version(), (self._project.settings, self._project.schema)
        with self._project.registry() as registry, self._project.open_log() as log:
            if self._draw.random() < 0.95:  # a version that has read none of it
                clean = registry.rollbacks.replayable(held | registry.quarantines.held())
                version = self._draw.choice([v.version for v in clean if v.served] or [version])
            how = Replay(Skip({"skip": [str(held)]}, held) if held else None, instead)
            found = replay(log, registry, config, version, how, (ANN, "bad")).rollback
            assert found is not None
            if found.quarantine is not None:
                self._ranges.setdefault(found.quarantine, _offsets(held))
            numbers = [one.number for one in registry.quarantines.in_force()]
            self._note(found, frozenset().union(*[self._ranges[number] for number in numbers]))

    def _note(self, asked: Rollback, skipped: frozenset[Offset]) -> None:
        """Remember what was asked for, unless it is what was asked before."""
        with self._project.registry() as registry:
            version = registry.versions.find(asked.version)
        cut = self._cut(to_cut(version.start.positions))
        back = Back(asked.learner, version.lineage, cut, skipped)
        assert self._asked.setdefault(asked.number, back) == back, "another one under its number"

    def _drawn_ranges(self) -> OffsetRanges:
        draw, spans = self._draw, []
        for _ in range(draw.choice([1, 1, 2])):
            topic = draw.choice([self._events, self._events, self._labels])
            name = topic, draw.randrange(self._partitions)
            end = len(self._sent[name])
            if end > 1:
                first = draw.randrange(end)
                spans.append((name, (first, min(end, first + draw.choice([1, 3, 10, 40])))))
        return OffsetRanges.of(spans)

    def _cancel(self) -> None:
        with self._project.registry() as registry:
            found = registry.rollbacks.under_way()
            if found is not None:
                registry.rollbacks.cancel(found.number, "no", ANN)
                self._hold_again(registry, found)

    def _hold_again(self, registry: Registry, cancelled: Rollback) -> None:
        """What an undoing released that is itself undone is in quarantine under another number."""
        if cancelled.undoes is not None:
            before = registry.rollbacks.find(cancelled.undoes).quarantine
            for held in registry.quarantines.in_force():
                if held.number not in self._ranges:
                    assert before is not None
                    self._ranges[held.number] = self._ranges[before]

    def _quarantine(self) -> None:
        """Put something into it, or let something out."""
        with self._project.registry() as registry:
            known, held = registry.quarantines.in_force(), self._drawn_ranges()
            if known and self._draw.random() < 0.6:
                registry.quarantines.remove(self._draw.choice(known).number, "good", ANN)
            elif held:
                found = registry.quarantines.add({"skip": [str(held)]}, held, "bad", ANN)
                self._ranges.setdefault(found.number, _offsets(held))

    def _serve(self) -> None:
        """Another version is served, or the learner's: it changes nothing that is learned."""
        version = self._version()
        with self._project.registry() as registry:
            if self._draw.random() < 0.4:
                registry.serving.unpin("x", ANN)
            elif self._draw.random() < 0.5:
                registry.serving.pin("promote", version, "x", ANN)
            else:
                registry.serving.pin("rollback", version, "x", ANN)

    # The end.

    def _end(self) -> None:
        """The outputs, and the learner repeated from the journal."""
        check_outputs(self._project, self.plain)
        report = self._project.backfill()
        assert report["model_sha256"] == self.plain.live.model(), "a backfill of the log"


def _offsets(held: OffsetRanges) -> frozenset[Offset]:
    return frozenset((*name, offset) for name, (first, end) in held for offset in range(first, end))


def _milliseconds(time_: str) -> int:
    return round(datetime.fromisoformat(time_).replace(tzinfo=UTC).timestamp() * 1000)


def main() -> int:
    """Walk so often, and print what was done; a walk that fails is told with its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    done: Counter[str] = Counter()
    failed, began = 0, time.monotonic()
    for seed in range(asked.seed, asked.seed + asked.walks):
        with tempfile.TemporaryDirectory() as folder:
            walk = Walk(Path(folder), seed)
            try:
                walk.run()
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"walk {seed} failed:", *walk.told, sep="\n  ", flush=True)  # noqa: T201
        done += walk.done
    seconds = round(time.monotonic() - began)
    print(f"{asked.walks} walks, {failed} failed, {seconds} s: {dict(done)}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
