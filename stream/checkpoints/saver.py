"""When a checkpoint is due, saving it beside the fold, and what happens when that fails.

The state is frozen on the thread that learns; another one writes it, at most one at a time. The
registry row that names the snapshot, conditional on this learner's epoch, is the commit point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from time import monotonic, thread_time
from typing import Any, NamedTuple

from converters.config.learning_settings import CheckpointSettings
from converters.errors import FreshetError
from converters.logger import log
from learners.learner import ModelNotSavedError
from learners.registry import Registry
from learners.registry.errors import RegistryError, SupersededError
from learners.registry.row_types import Commit, Start, Verdict
from learners.snapshots.errors import SnapshotError
from learners.snapshots.store import SnapshotStore
from learners.versions.gate import held_or_not, in_words
from stream import process_control
from stream.checkpoints.frozen import Frozen, freeze
from stream.fold.pipeline import Pipeline
from stream.joins.persistence import DamagedSegmentError
from stream.log.contract import Place
from stream.log.journal import to_positions
from stream.process_control import Backoff, are_alike
from stream.resolved_config import ResolvedConfig
from stream.stages import SAVE, stage
from stream.stopping import REGISTRY, waiting_for

# Without new examples a checkpoint only shortens the next start: it may come this much later.
UNLEARNED_FACTOR = 12
# The assumed cost of the first checkpoint; a typical one.
FIRST_COST_SECONDS = 0.05
# After a checkpoint that failed.
FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS = 1.0, 60.0


class Pacing:
    """Decides when a checkpoint is due."""

    def __init__(self, settings: CheckpointSettings, learned: int) -> None:
        self._settings = settings
        self._learned = learned
        self._at = monotonic()
        self._cost = FIRST_COST_SECONDS
        self._backoff = Backoff(FIRST_DELAY_SECONDS, LONGEST_DELAY_SECONDS)
        self._not_before = 0.0
        self._hurry = False

    def due(self, learned: int, *, changed: bool) -> bool:
        """Enough learned, or enough time passed with changes, and the spacing is kept."""
        if monotonic() < self._not_before:
            return False
        if self._hurry:
            return changed
        passed = monotonic() - self._at
        new = learned - self._learned
        enough = new >= self._settings.events
        wait = self._settings.seconds * (1 if new else UNLEARNED_FACTOR)
        return (
            enough or (changed and passed >= wait)
        ) and passed >= self._settings.min_spacing * self._cost

    def saved(self, learned: int, seconds: float) -> None:
        """A checkpoint was made, and took so many seconds of processor time."""
        self._learned, self._cost, self._at = learned, seconds, monotonic()
        self._backoff.reset()
        self._not_before, self._hurry = 0.0, False

    def hurry(self) -> None:
        """The next one is due at once."""
        self._hurry = True

    def failed(self) -> float:
        """It could not be made; in how many seconds it may be tried again."""
        delay = self._backoff.next()
        self._not_before = monotonic() + delay
        return delay


# What can keep a checkpoint from being written; no data is lost by it.
FAILURES = (ModelNotSavedError, SnapshotError, RegistryError)


class UnsavedError(FreshetError):
    """The last checkpoint of a clean stop could not be written."""


class Saved(NamedTuple):
    """A checkpoint on disk: its version, if any, and the processor time of writing it, s."""

    commit: Commit
    version: int | None
    cost: float


class _UnderWay(NamedTuple):
    """A checkpoint that is being written.

    Attributes:
        batches: taken when it was frozen.
        trained: labels learned by then.
        cost: processor time of freezing it, s.
        written: set once it is on disk, or has failed: from then on only the registry is missing.
        saved: how it ends.
        wanted: whether it is a version that is wanted, learned or not.
    """

    frozen: Frozen
    batches: int
    trained: int
    cost: float
    written: Event
    saved: Future[Saved]
    wanted: bool


class Saver:
    """Saves one pipeline; all but the writing is called by the thread that learns.

    Args:
        context: the model's config.
        registry: names each snapshot, if ``epoch`` still is the learner's.
        epoch: the learner's.
        snapshots: where snapshots are written.
        pipeline: what is saved.
        topic_ids: the ids of the topics that are read.
        parent: the newest version behind the pipeline, if any.

    Attributes:
        trouble: why the last checkpoint failed; empty when it did not.
        metrics: those of the last checkpoint, until a heartbeat takes them.
    """

    def __init__(
        self,
        context: ResolvedConfig,
        registry: Registry,
        epoch: int,
        snapshots: SnapshotStore,
        pipeline: Pipeline,
        topic_ids: dict[str, str],
        parent: int | None,
    ) -> None:
        self._context = context
        self._registry = registry
        self._epoch = epoch
        self._snapshots = snapshots
        self._pipeline = pipeline
        self._topic_ids = topic_ids
        self._parent = parent
        self._saved_batches = self._pipeline.batches
        self._trained_at_version = self._trained
        self._pacing = Pacing(self._context.settings.checkpoint, self._trained)
        self.trouble = ""
        self.metrics: dict[str, Any] | None = None
        self._holds = False
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self._under_way: _UnderWay | None = None
        self._wanted = False

    def make_version(self) -> None:
        """Make a checkpoint of now at once, and a version, though nothing was learned."""
        self._wanted = True
        self._pacing.hurry()

    def changed(self) -> bool:
        """Whether anything was taken since the last checkpoint, or a version is wanted."""
        return self._wanted or self._pipeline.batches != self._saved_batches

    def due(self) -> bool:
        """Whether it is time, and none is under way."""
        return self._under_way is None and self._pacing.due(self._trained, changed=self.changed())

    @property
    def _trained(self) -> int:
        """How many labels were learned; a corrected one is learned again, of the same example."""
        pipeline = self._pipeline
        return pipeline.counts.learned + pipeline.joiner.counts.labels_corrected

    def look(self) -> None:
        """See whether the checkpoint under way has ended, and how; it is never waited for.

        When it failed, learning continues and it is retried later. Nothing is lost without it: the
        journal lists the batches since the last one.

        Raises:
            SupersededError: another learner has taken over.
        """
        if self._under_way is not None and self._under_way.saved.done():
            self._tried(self._end)

    def try_save(self, cut: Mapping[Place, int], journal_position: int) -> None:
        """Begin a checkpoint, if none is under way; a failure is as one that :meth:`look` sees."""
        if self._under_way is None:
            self._tried(lambda: self._begin(cut, journal_position))

    def save_last(self, cut: Mapping[Place, int], journal_position: int) -> None:
        """Make the checkpoint of a clean stop; returns when it is on disk.

        Raises:
            UnsavedError: it cannot be written.
            SupersededError: another learner has taken over.
        """
        self._wait()
        self.look()
        try:
            while self.changed():
                self._begin(cut, journal_position)
                self._wait()
                self._end(goes_on=False)
        except SupersededError:
            raise
        except FAILURES as error:
            raise UnsavedError(
                f"The last checkpoint could not be written: {error} Nothing is lost: the next "
                "start resumes from the previous checkpoint and replays the journal from there."
            ) from error

    def close(self) -> None:
        """Wait for the checkpoint under way, however it ends."""
        self._wait()
        self._thread.shutdown()

    def _tried(self, act: Callable[[], None]) -> None:
        try:
            act()
        except SupersededError:
            raise
        except FAILURES as error:
            delay, known = self._pacing.failed(), self.trouble
            self.trouble = str(error)
            if not are_alike(self.trouble, known):  # said once, while it stays
                log.warning("checkpoint failed", next_try_seconds=delay, error=self.trouble)

    def _begin(self, cut: Mapping[Place, int], journal_position: int) -> None:
        """Freeze what is new, and let it be written; a version, if anything was learned."""
        if not self.changed():
            return
        with stage(SAVE):
            began, trained = thread_time(), self._trained
            frozen = freeze(
                self._snapshots,
                self._context,
                self._pipeline,
                Start(to_positions(cut), self._topic_ids, journal_position),
                self._parent,
                learned_something=self._wanted or trained > self._trained_at_version,
            )
            wanted, self._wanted = self._wanted, False
            batches, written = self._pipeline.batches, Event()
            saved = self._thread.submit(self._save, frozen, written)
            saved.add_done_callback(lambda _: written.set())
            cost = thread_time() - began
            self._under_way = _UnderWay(frozen, batches, trained, cost, written, saved, wanted)

    def _save(self, frozen: Frozen, written: Event) -> Saved:
        """Write and commit, on the other thread."""
        with stage(SAVE):
            began = thread_time()
            # The commit point: the registry names the snapshot, if the epoch is still this one's.
            with frozen.written() as commit:
                written.set()
                judged = self._judged(commit)
                committed = self._registry.writer.commit(self._epoch, judged)
            cost = thread_time() - began + frozen.measures.result().seconds
            return Saved(judged, committed.version, cost)

    def _wait(self) -> None:
        """Wait until the checkpoint under way has ended; only the registry may be given up."""
        if self._under_way is not None:
            self._under_way.written.wait()
            with waiting_for(REGISTRY):
                wait([self._under_way.saved])

    def _end(self, *, goes_on: bool = True) -> None:
        """Take in how the checkpoint under way ended.

        Args:
            goes_on: whether memory has to be tidied for what follows: 8 ms and more.
        """
        under_way, self._under_way = self._under_way, None
        assert under_way is not None, "one has ended"
        self._wanted, wanted_since = self._wanted or under_way.wanted, self._wanted
        try:
            saved = under_way.saved.result()
        except DamagedSegmentError:
            self._pipeline.saved_joins.rewrite()
            self._pacing.hurry()
            return
        self._wanted = wanted_since
        with stage(SAVE):
            began = thread_time()
            under_way.frozen.accept()
            self._parent = saved.version or self._parent
            self._trained_at_version = under_way.trained
            self._saved_batches = under_way.batches
            self.trouble, self.metrics = "", saved.commit.metrics
            if goes_on:
                process_control.collect_recent()
            cost = under_way.cost + saved.cost + thread_time() - began
        self._pacing.saved(under_way.trained, cost)
        if self._wanted:
            self._pacing.hurry()
        log.info(
            "checkpoint",
            version=saved.version or "none, as nothing was learned since the last",
            verdict=in_words(saved.commit.verdict),
            learned=saved.commit.events["learned"],
            seconds=round(cost, 3),
        )
        self._tell(saved.version, saved.commit.verdict)

    def _judged(self, saved: Commit) -> Commit:
        """With the gate's verdict on what is published by itself."""
        settings, window = self._context.settings, saved.metrics["window"]
        size = settings.evaluation.window
        return saved._replace(verdict=held_or_not(saved.verdict, window, size, settings.gate))

    def _tell(self, version: int | None, verdict: Verdict) -> None:
        """Log when versions begin to be held back, and when they no longer are."""
        if version is None or verdict.held == self._holds:
            return
        self._holds = verdict.held
        if verdict.held:
            log.warning("versions are held back", version=version, reason=verdict.reason)
        else:
            log.info("versions are published again", version=version)
