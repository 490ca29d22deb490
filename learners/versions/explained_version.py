"""A version opened to explain rows: its learner, as it is served, and its typical rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from converters.config.settings import Settings
from converters.errors import UsageError
from converters.schema.schema import Schema
from learners.explain.answers import Why
from learners.explain.baseline import baseline_of
from learners.explain.kept_rows import KEPT_ROWS, kept_lines
from learners.explain.row_pieces import RowPieces
from learners.registry import Registry
from learners.registry.row_types import Version
from learners.snapshots.store import SnapshotStore
from learners.versions.own_schema import KnownSchemas
from learners.versions.served_learner import served_learner


class Explaining(NamedTuple):
    """What explains the rows of a version, under its own schema."""

    version: int
    schema: Schema
    why: Why


@contextmanager
def explaining(
    settings: Settings, schema: Schema, wanted: int | None, baseline: str | None
) -> Iterator[Explaining]:
    """Open a version to explain rows; closed at the end of a ``with``.

    Args:
        settings: of the config.
        schema: of the same config.
        wanted: the version; None for the served one.
        baseline: what rows are held against; None for what the config says.

    Raises:
        UsageError: nothing is served, or the baseline cannot be had.
        UnknownVersionError: there is no such version.
        SnapshotError: it cannot be opened.
    """
    with closing(Registry(settings.registry, settings.model, create=False)) as registry:
        number = registry.serving.pointers().serving if wanted is None else wanted
        if number is None:
            raise UsageError("No version is served yet, so there is nothing to explain with.")
        version = registry.versions.find(number)
        own = KnownSchemas(registry, schema).of(version)
    snapshots = SnapshotStore(Path(settings.snapshots))
    kept = _kept(snapshots, version)
    against = baseline_of(baseline, settings, own, RowPieces(own), kept)
    with closing(served_learner(snapshots, version)) as learner:
        yield Explaining(number, own, Why(settings, own, learner, kept, against))


def _kept(snapshots: SnapshotStore, version: Version) -> list[str]:
    with snapshots.open(version.snapshot, only=(), if_there={KEPT_ROWS}) as snapshot:
        return kept_lines(snapshot.path)
