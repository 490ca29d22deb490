"""From a version's number to a model that may be served: copied, checked, opened, tested.

A bad snapshot ends here in one of two ways. One that no server could serve (corrupt, not finite,
other scores) is refused in the registry for all. One that only this server cannot serve (other
packages, a store that is not mounted) is left to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from converters.errors import FreshetError
from learners import choose
from learners.calibration.adjustment import adjusted
from learners.explain.answers import Why
from learners.explain.kept_rows import KEPT_ROWS, kept_lines
from learners.learner import MODEL_FILE, Learner, NonFiniteError
from learners.registry import Registry
from learners.registry.actor import this_server
from learners.registry.row_types import Pointers, Version, utc_now
from learners.snapshots.errors import CorruptSnapshotError
from learners.snapshots.store import Snapshot, SnapshotStore
from learners.versions.gate import packages, reproduces
from learners.versions.served_learner import spec_of
from serve.rows.readers import Readers, SchemaReaders


class BadSnapshotError(FreshetError):
    """A snapshot that no server can serve; the registry now lists it as refused."""


class NotHereError(FreshetError):
    """A snapshot that this server cannot serve, but others may."""


class IrreproducibleError(FreshetError):
    """A model that does not give the scores in its manifest."""


@dataclass(eq=False)
class Served:
    """A model that answers requests, and its users; owned by the live model.

    Attributes:
        version: its number.
        kind: of the learner that was trained, whose scores may be adjusted.
        readers: of its own schema, whatever the config says today.
        load_seconds: how long loading took.
        learned: examples that it has learned from.
        made: when it was made, ms since 1970.
        kept: the typical rows of its snapshot.
        why: what explains its rows, by what they are held against; made when it is asked for.
        users: running requests that began with it.
        retired: whether another has replaced it.
    """

    version: int
    model_sha256: str
    learner: Learner
    kind: str
    readers: SchemaReaders
    loaded_at: datetime
    load_seconds: float
    learned: int = 0
    made: int = 0
    kept: Sequence[str] = ()
    why: dict[str, Why] = field(default_factory=dict)
    users: int = 0
    retired: bool = False


class Loader:
    """Loads versions of one model, each with the readers of its own schema.

    Every method blocks, and they are called one at a time.
    """

    def __init__(self, registry: Registry, snapshots: SnapshotStore, readers: Readers) -> None:
        self._registry = registry
        self._snapshots = snapshots
        self._readers = readers

    def pointers(self) -> Pointers:
        """The version to be served, and the newest."""
        return self._registry.serving.pointers()

    def load(self, number: int) -> Served:
        """Load a version and test it on the rows of its manifest.

        Raises:
            BadSnapshotError: it is corrupt, or does not give its scores; the registry now lists it
                as refused and may name another.
            FreshetError: this server cannot load it now; others may.
        """
        began = monotonic()
        version = self._registry.versions.find(number)
        readers = self._readers.of(version)
        try:
            learner, kept = self._open(version)
        except (CorruptSnapshotError, NonFiniteError, IrreproducibleError) as error:
            self._registry.serving.refuse(version, str(error), this_server())
            raise BadSnapshotError(f"Version {number} is refused: {error}") from error
        seconds = monotonic() - began
        kind, sha256 = version.learner["kind"], version.model_sha256
        learned, made = version.events.get("learned", 0), version.created_at.timestamp()
        told = utc_now(), seconds, learned, round(1000 * made)
        return Served(number, sha256, learner, kind, readers, *told, kept)

    def _open(self, version: Version) -> tuple[Learner, Sequence[str]]:
        files = {MODEL_FILE}, {KEPT_ROWS}
        with self._snapshots.open(version.snapshot, *files) as snapshot:
            kept = kept_lines(snapshot.path)
            learner = choose.load(spec_of(snapshot.manifest["learner"]), snapshot.path / MODEL_FILE)
        try:
            _check_scores(learner, snapshot, version)
            return adjusted(learner, snapshot.manifest), kept
        except BaseException:
            learner.close()
            raise


def _check_scores(learner: Learner, snapshot: Snapshot, version: Version) -> None:
    """Check that the loaded model gives the scores in the manifest."""
    reason = reproduces(learner, snapshot.manifest["expected"])
    if not reason:
        return
    theirs, ours = snapshot.manifest["packages"], packages()
    differing = sorted(name for name in ours if theirs.get(name) != ours[name])
    if differing:
        made = ", ".join(f"{n} {theirs.get(n)} (here {ours[n]})" for n in differing)
        raise NotHereError(
            f"Version {version.version} gives other scores here: {reason} It was made with {made}. "
            "Install what the learner uses."
        )
    raise IrreproducibleError(reason)
