"""What is pinned, as the learner last saw it: new batches are journalled and scored with that.

Apart from the loop because it opens snapshots at a moment of its own choosing: the fold is given
what is open already.
"""

from __future__ import annotations

from time import monotonic
from typing import Any

from converters.logger import log
from learners.learner import Learner
from learners.registry.errors import RegistryUnavailableError
from stream.checkpoints.pinned_version import PinnedVersions
from stream.stopping import REGISTRY, waiting_for

# How long after a version could not be loaded it is tried again.
AGAIN_SECONDS = 30.0


class PinWatch:
    """Follows what is pinned.

    Args:
        versions: what loads one.

    Attributes:
        version: what new batches are scored with too; None if nothing is pinned, or if what is
            cannot be loaded.
        trouble: why it cannot be loaded.
    """

    def __init__(self, versions: PinnedVersions) -> None:
        self._versions = versions
        self._wanted: int | None = None
        self._ready: Learner | None = None
        self._again_at = 0.0
        self.version: int | None = None
        self.trouble = ""

    def look(self) -> None:
        """See whether what is pinned has moved, and load it.

        Raises:
            RegistryUnavailableError: it is not known; all stays as it was.
        """
        with waiting_for(REGISTRY):
            pointers = self._versions.registry.serving.pointers()
        wanted = pointers.serving if pointers.pinned else None
        waits = not self.trouble or monotonic() < self._again_at
        if wanted == self._wanted and waits:
            return
        self.close()
        self._wanted, self.version, self.trouble = wanted, None, ""
        if wanted is None:
            return
        try:
            self._ready, self.version = self._versions.load(wanted), wanted
        except RegistryUnavailableError:
            self._wanted = None
            raise
        except Exception as error:  # it must not stop the learner
            self.trouble, self._again_at = str(error), monotonic() + AGAIN_SECONDS
            log.warning("the pinned version is not measured", version=wanted, cause=self.trouble)

    def loaded(self, number: int) -> Learner:
        """The learner of a version, for the fold; the one that is open already, once."""
        learner, self._ready = self._ready, None
        if learner is not None and number == self.version:
            return learner
        self._ready = learner
        return self._versions.load(number)

    def status(self, measured: dict[str, Any] | None) -> dict[str, Any] | None:
        """What is pinned and why it is not measured, for the heartbeat.

        Args:
            measured: what the fold says of the pinned version that it scores with.
        """
        if self._wanted is None:
            return None
        if measured is not None and measured["version"] == self._wanted:
            return measured
        return {"version": self._wanted, "trouble": self.trouble or SOON}

    def close(self) -> None:
        """Free what was loaded and not taken."""
        learner, self._ready = self._ready, None
        if learner is not None:
            learner.close()


SOON = "It is measured from the next new events on."
