"""The served model: one reference that follows the registry and is swapped while requests run.

A new version is loaded in a thread and replaces the old one in a single step on the event loop. A
request takes the reference once and keeps it to its end, so its answer names the version that made
it. The old model is closed when its last request has ended.

Only the event loop's thread scores, and only the loading thread opens and closes models, so two
threads never use a model at the same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TypeVar

from converters.errors import FreshetError
from converters.logger import log
from learners.registry.errors import RegistryError
from learners.registry.row_types import Pointers
from serve.http.problems import NoModelError, NotLoadedError, NotYetServedError
from serve.http.prometheus_counters import Counters
from serve.live.version_loader import BadSnapshotError, Loader, Served

T = TypeVar("T")

# Opening a model stops the interpreter (Vowpal Wabbit holds its lock): following the learner may
# take at most a tenth of the time. A version that someone asked for is loaded at once.
FOLLOWING_SPACING = 10.0
# A version that could not be loaded is tried again after growing pauses.
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Failure:
    """A version that could not be loaded, at which poll, and when it is tried again."""

    version: int
    reason: str
    poll: int
    pause: float
    retry_at: float


class LiveModel:
    """Follows the registry's ``serving`` pointer.

    Attributes:
        pointers: as last read; None before the first poll.
        registry_trouble: why the last poll could not read the registry, or empty; None before
            the first poll.
        trouble: why the version to serve could not be loaded, or empty.
    """

    def __init__(self, loader: Loader, interval: float, counters: Counters) -> None:
        self._loader = loader
        self._interval = interval
        self._counters = counters
        self._current: Served | None = None
        self._threads = ThreadPoolExecutor(1, "live-model")
        self._wake = asyncio.Event()
        self._polled = asyncio.Event()
        self._polls = self._polls_ended = 0
        self._urged = self._again = False
        self._follow_at = 0.0
        self._failure: Failure | None = None
        self.pointers: Pointers | None = None
        self.registry_trouble: str | None = None
        self.trouble = ""

    @property
    def served(self) -> Served | None:
        """What is served now, for its description; to score, :meth:`use` it."""
        return self._current

    @contextmanager
    def use(self) -> Iterator[Served]:
        """The served model, which stays open until the ``with`` ends.

        Raises:
            NoModelError: there is none yet.
        """
        served = self._current
        if served is None:
            why = self.trouble or self._none_yet()
            raise NoModelError(f"There is no model yet. {why} Try again in a moment.")
        served.users += 1
        try:
            yield served
        finally:
            served.users -= 1
            if served.retired and not served.users:
                self._threads.submit(served.learner.close)

    def _none_yet(self) -> str:
        if self.registry_trouble:
            return "This server cannot read the registry, and its log says why."
        if self.pointers is None or self.pointers.serving is not None:
            return "This server has just started, and is opening the version to serve."
        return "The learner has not created a version yet."

    async def run(self) -> None:
        """Poll the registry until cancelled."""
        while True:
            try:
                await self._poll()
            except Exception:  # a bug in one poll must not end the polling
                log.exception("live-model")
            self._polls_ended = self._polls
            polled, self._polled = self._polled, asyncio.Event()
            polled.set()
            if not self._again:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._interval)

    async def begun(self, seconds: float) -> None:
        """Wait for the first poll to end, and no longer than this: the registry may hang.

        A poll that condemns its version is followed at once by one for the version before.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._polls or self._polls_ended < self._polls:
                    await self._polled.wait()

    async def synced(self, seconds: float) -> Pointers:
        """Wait until this process serves what the registry says now or later.

        Raises:
            NotLoadedError: it cannot; the message says why.
            NotYetServedError: it does not in time.
        """
        since = self._polls
        self._urged = True
        self._wake.set()
        try:
            async with asyncio.timeout(seconds):
                while not self._is_synced(since):
                    await self._polled.wait()
        except TimeoutError:
            raise NotYetServedError(
                f"The registry has it, but this process does not serve it after {seconds:.3g} s. "
                "GET /status says why."
            ) from None
        assert self.pointers is not None
        return self.pointers

    def close(self) -> None:
        """Close the model, after the last request."""
        if self._current is not None:
            self._threads.submit(self._current.learner.close)
        self._current = None
        self._threads.shutdown(wait=True)

    def _is_synced(self, since: int) -> bool:
        """Whether a poll that began after poll ``since`` found this process up to date.

        Raises:
            NotLoadedError: that poll failed to load the version to be served.
        """
        if self._failure is not None and self._failure.poll > since:
            raise NotLoadedError(self._failure.reason)
        serving = None if self._current is None else self._current.version
        wanted = None if self.pointers is None else self.pointers.serving
        return self._polls_ended > since and not self.registry_trouble and serving == wanted

    async def _poll(self) -> None:
        """Read the pointers; load and swap if they name another version."""
        self._polls += 1
        urged, self._urged, self._again = self._urged, False, False
        self._wake.clear()
        try:
            self.pointers = pointers = await self._in_thread(self._loader.pointers)
        except RegistryError as error:
            self._note_registry(str(error))
            return
        self._note_registry("")
        wanted = pointers.serving
        if wanted is None:
            return
        if self._current is not None and wanted == self._current.version:
            self._failure, self.trouble = None, ""
        elif urged or self._is_due(wanted, pinned=pointers.pinned):
            await self._take(wanted)

    def _is_due(self, wanted: int, *, pinned: bool) -> bool:
        if self._failure is not None and self._failure.version == wanted:
            return monotonic() >= self._failure.retry_at
        return pinned or monotonic() >= self._follow_at

    async def _take(self, wanted: int) -> None:
        """Load a version and replace the old one."""
        try:
            new = await self._in_thread(lambda: self._loader.load(wanted))
        except BadSnapshotError as error:
            self._note_trouble(wanted, error)
            self._again = True  # the registry now names another
            return
        except Exception as error:  # the old model stays
            self._note_trouble(wanted, error)
            self._fail(wanted)
            return
        old, self._current = self._current, new
        self._failure, self.trouble = None, ""
        self._follow_at = monotonic() + FOLLOWING_SPACING * new.load_seconds
        self._counters.load_seconds.observe(new.load_seconds)
        log.info("serving", version=new.version, seconds=round(new.load_seconds, 3))
        if old is not None:
            old.retired = True
            if not old.users:
                self._threads.submit(old.learner.close)

    def _fail(self, wanted: int) -> None:
        """Plan another try of this version, after twice the last pause."""
        known = self._failure is not None and self._failure.version == wanted
        pause = 2 * self._failure.pause if self._failure and known else FIRST_RETRY_SECONDS
        pause = min(pause, LAST_RETRY_SECONDS)
        retry_at = monotonic() + pause
        self._failure = Failure(wanted, self.trouble, self._polls, pause, retry_at)

    def _note_trouble(self, wanted: int, error: Exception) -> None:
        """Log once what is wrong with a version."""
        reason = str(error) if isinstance(error, FreshetError) else f"{type(error).__name__}."
        if reason != self.trouble:
            still = None if self._current is None else self._current.version
            log.error("version-not-served", version=wanted, still=still, reason=reason)
            condemned = isinstance(error, BadSnapshotError)
            self._counters.load_failures.labels(str(condemned).lower()).inc()
        self.trouble = reason

    def _note_registry(self, trouble: str) -> None:
        if trouble and not self.registry_trouble:
            log.error("registry-away", reason=trouble)
        elif self.registry_trouble and not trouble:
            log.info("registry-back")
        self.registry_trouble = trouble

    async def _in_thread(self, act: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act)
