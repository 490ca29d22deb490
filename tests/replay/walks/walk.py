"""One random walk: a model learns, crashes and is rolled back, and is compared with rows by rows.

It sends events and labels, learns some of them, crashes, goes back with ``resume`` and ``replay``,
leaves records out, corrects some of their rows, undoes that and lets them in again. After each
stretch of learning every score, the counts, the measures, what waits and the model's bytes have to
be those of :mod:`tests.replay.walks.lineages_by_rows`.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from converters.errors import FreshetError
from learners import choose
from learners.registry import Registry
from learners.registry.actor import Actor
from learners.registry.requests.offset_ranges import OffsetRanges
from learners.registry.requests.rollback import Replay, Skip
from learners.registry.row_types import Rollback
from learners.versions.way_back import roll_back
from stream.log import journal
from stream.log.contract import Outgoing, Place, Record, TopicSpec
from stream.log.journal import to_cut
from stream.quarantine.replay import replay
from stream.reading import merge
from stream.reading.corrections import Correction, outgoing
from tests.replay.walks.drawn_stream import SHADOW, Stream, config_of
from tests.replay.walks.lineages_by_rows import Back, Lineages, Scored
from tests.replay.walks.state_by_rows import Cut, Offset, Rules, Sent
from tests.replay.walks.walk_checks import check_alike, check_outputs
from tests.replay.walks.watched import Crash, CrashError, crashing, watching
from tests.support.serving.project import Project

ANN = Actor("ann", {"kind": "command line"})
STEPS = 16
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
    "correct": 2,
    "serve": 1,
}
ASKED = ("resume", "replay", "instead", "cancel", "quarantine", "serve")


class Walk:
    """One model, one walk.

    Attributes:
        done: how often each act was done, and not refused.
    """

    def __init__(self, folder: Path, seed: int, steps: int = STEPS) -> None:
        self._steps = steps
        self._draw = draw = random.Random(seed)
        config, self._shadow_later = config_of(draw)
        self._project = Project(folder / "walk", args="-b 10", more=config)
        self._stream = Stream(self._project, draw)
        self._batch_rows = draw.choice([5, 17, 60, 10_000])
        self._followed = 0
        self._given: dict[tuple[int, int], list[Scored]] = {}
        self._asked: dict[int, Back] = {}
        self._ranges: dict[int, frozenset[Offset]] = {}
        self._corrections: list[tuple[int, Offset, int, Sent]] = []
        self._corrected: dict[int, dict[Offset, dict[int, Sent]]] = {}
        self.plain = Lineages(self._rules(), self._stream.sent)
        self.done: Counter[str] = Counter()
        self.told: list[str] = []

    def run(self) -> None:
        """Walk.

        Raises:
            AssertionError: something is not as in the simulation.
        """
        self._stream.send(40)
        self._stream.label(20)
        self._learn()
        acts: dict[str, Callable[[], None]] = {
            "send": lambda: self._stream.send(self._draw.randint(1, 40)),
            "label": lambda: self._stream.label(self._draw.randint(1, 20)),
            "learn": self._learn,
            "crash": self._crash,
            "resume": self._resume,
            "replay": lambda: self._replay(instead=False),
            "instead": lambda: self._replay(instead=True),
            "cancel": self._cancel,
            "quarantine": self._quarantine,
            "correct": self._correct,
            "serve": self._serve,
        }
        for _ in range(self._steps):
            (name,) = self._draw.choices(list(ACTS), list(ACTS.values()))
            self.told.append(name)
            # What cannot be asked for now is refused; learning must not fail.
            with suppress(*[FreshetError] * (name in ASKED)):
                acts[name]()
                self.done[name] += 1
        self._learn()
        self._end()

    # Who learns.

    def _learn(self) -> None:
        """To the log's end; then everything is compared."""
        with watching(self._given), patch.object(merge, "BATCH_ROWS", self._batch_rows):
            report = self._project.learn()
        self._see_begun()
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
        self._see_begun()

    def _see_begun(self) -> None:
        """Remember which corrected rows there were when a lineage began."""
        with self._project.registry() as registry:
            live = registry.versions.live_lineage()
            numbers = {held.number for held in registry.quarantines.in_force()}
        assert live is not None
        found: dict[Offset, dict[int, Sent]] = {}
        for number, offset, row, sent in self._corrections:
            if number in numbers:
                found.setdefault(offset, {})[row] = sent
        self._corrected.setdefault(live.serial, found)

    def _follow(self) -> None:
        """Have the simulation take what the journal has more."""
        with self._project.open_log() as log:
            lines = list(journal.lines(log, self._project.topics().journal))
        for line in lines[self._followed :]:
            if line.lineage != self.plain.serial:
                assert line.rollback is not None
                corrected = self._corrected[line.lineage]
                self.plain.begin(line.lineage, self._asked[line.rollback], corrected)
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
        return dict.fromkeys(self._stream.sent, 0) | found

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
            self._see_held(registry, _offsets(held))
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
        draw, stream, spans = self._draw, self._stream, []
        for _ in range(draw.choice([1, 1, 2])):
            topic = draw.choice([stream.events, stream.events, stream.labels])
            name = topic, draw.randrange(self._project.settings.topics.partitions)
            end = len(stream.sent[name])
            if end > 1:
                first = draw.randrange(end)
                spans.append((name, (first, min(end, first + draw.choice([1, 3, 10, 40])))))
        return OffsetRanges.of(spans)

    def _cancel(self) -> None:
        with self._project.registry() as registry:
            found = registry.rollbacks.under_way()
            if found is not None:
                registry.rollbacks.cancel(found.number, "no", ANN)
                self._see_held(registry)

    def _see_held(self, registry: Registry, asked: frozenset[Offset] = frozenset()) -> None:
        """Number what was asked for, also where a replay under way leaves it out already.

        What an undoing released that is itself undone is in quarantine under another number.
        """
        for held in registry.quarantines.in_force():
            if held.number not in self._ranges:
                again = _offsets(OffsetRanges.from_json(held.ranges))
                known = again == asked or again in self._ranges.values()
                assert known, "a quarantine that nobody asked for"
                self._ranges[held.number] = again

    def _quarantine(self) -> None:
        """Put something into it, or let something out."""
        with self._project.registry() as registry:
            known, held = registry.quarantines.in_force(), self._drawn_ranges()
            if known and self._draw.random() < 0.6:
                registry.quarantines.remove(self._draw.choice(known).number, "good", ANN)
            elif held:
                found = registry.quarantines.add({"skip": [str(held)]}, held, "bad", ANN)
                self._ranges.setdefault(found.number, _offsets(held))

    def _correct(self) -> None:
        """Some rows of a quarantine, to be learned in its place."""
        with self._project.registry() as registry:
            held = self._draw.choice(registry.quarantines.in_force() or [None])
        if held is None:
            return
        topic, sent = self._project.topics().corrections, list[Outgoing]()
        for offset in sorted(self._ranges[held.number]):
            name, partition, at = offset
            for row in range(len(self._stream.sent[name, partition][at].ids)):
                if self._draw.random() < 0.4:
                    text, one = self._stream.corrected(offset, row)
                    self._corrections.append((held.number, offset, row, one))
                    place = Place(name, partition)
                    record = Record(place, at, 0, text.encode())
                    sent.append(outgoing(Correction(place, at, row, held.number, record)))
        with self._project.open_log() as log:
            log.create_topics([TopicSpec(topic)], accept_retention=False)
            log.append(topic, sent)

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
        self.plain.live.close()


def _offsets(held: OffsetRanges) -> frozenset[Offset]:
    return frozenset((*name, offset) for name, (first, end) in held for offset in range(first, end))


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)
