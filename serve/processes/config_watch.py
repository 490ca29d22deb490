"""What decides whether a learner takes its config: its files, and what the registry asks of it.

A learner that refuses its config does not end the server, nor a server the learner. It is started
again when something of this has changed, and the registry says until then why no learner runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from converters.errors import FreshetError

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from learners.registry import Registry

# The registry is asked on a thread of its own: who keeps processes running must not wait for it.
ASK_SECONDS = 1.0


class ConfigWatch:
    """Of the learner of one model; used by one thread.

    Args:
        files: of the config.
        read: gives the settings in them.
        settings: as they were at the start, for what cannot be read any more.
    """

    def __init__(
        self, files: Sequence[Path], read: Callable[[], Settings], settings: Settings
    ) -> None:
        self._files = files
        self._read = read
        self._settings = settings
        self._signatures: Hashable = None
        self._thread = ThreadPoolExecutor(1, "config-watch")
        self._registry: Registry | None = None
        self._asked: Future[int | None] | None = None
        self._ask_at = 0.0
        self._adoption: int | None = None

    def now(self) -> Hashable:
        """What a refusal depends on; while this is the same, so is the refusal, as a rule."""
        if self._asked is None and monotonic() >= self._ask_at:
            self._asked = self._thread.submit(self._pending)
        if self._asked is not None and self._asked.done():
            self._adoption, self._asked = self._asked.result(), None
            self._ask_at = monotonic() + ASK_SECONDS
        signatures = tuple(map(_signature, self._files))
        if signatures != self._signatures:
            self._signatures = signatures
            with suppress(FreshetError):  # of one that cannot be read, what it named before
                self._settings = self._read()
        named = self._settings.kafka.properties
        return signatures, named and _signature(named), self._adoption

    def refused(self, words: str) -> None:
        """Have the registry say why no learner runs."""
        self._thread.submit(self._note, words)

    def close(self) -> None:
        """Free everything."""
        self._thread.submit(self._close)
        self._thread.shutdown()

    def _pending(self) -> int | None:
        """The adoption that the learner has still to take; None also if that cannot be asked."""
        try:
            adoption = self._opened().adoptions.pending()
        except FreshetError:
            return None
        return None if adoption is None else adoption.seq

    def _note(self, words: str) -> None:
        with suppress(FreshetError):
            self._opened().writer.refused(words)

    def _opened(self) -> Registry:
        from learners.registry import Registry

        if self._registry is None:
            self._registry = Registry(self._settings.registry, self._settings.model)
        return self._registry

    def _close(self) -> None:
        if self._registry is not None:
            self._registry.close()


@dataclass(frozen=True, slots=True)
class ServersConfig:
    """The same config as the server reads it; that it does not run is for its log alone."""

    watch: ConfigWatch

    def now(self) -> Hashable:
        """What a refusal depends on."""
        return self.watch.now()

    def refused(self, words: str) -> None:
        """The registry says nothing of servers."""


def _signature(file: Path) -> Hashable:
    """What changes when a file is written; None if it is not there."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
