"""What a checkpoint has measured, read back from its files; the beginning of every report.

Asks the registry for the checkpoint and its snapshot for the arrays of the evaluation. A learner
that runs meanwhile is not disturbed: checkpoints are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from converters.cells.times import time_ms
from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.schema.passthrough import passthrough_of
from converters.schema.schema import Schema
from converters.show.command_line import say
from learners.evaluation.evaluator import Evaluator
from learners.evaluation.labelled_examples import PINNED, Measuring, milliseconds
from learners.metrics.arrays import AnyArray, MetricsError
from learners.registry import Registry
from learners.registry.row_types import Checkpoint, Version
from learners.report.ancestry import Ancestry, Replayed
from learners.report.served_version import ServedVersion, of_checkpoint, served_version, with_unlike
from learners.snapshots.store import SnapshotStore


@dataclass(frozen=True, slots=True)
class Span:
    """The scores that one version's weights, or those on the way to the next one, have given.

    Attributes:
        version: its number; None for what was scored before there was one.
        begin: lessons behind its first scores.
        end: lessons behind the next version's first ones; None for the newest.
    """

    version: int | None
    begin: int
    end: int | None

    def meets(self, begin: int, end: int) -> bool:
        """Whether any lesson count of [begin, end) is one of this version's."""
        return self.begin < end and (self.end is None or begin < self.end)


def chain(
    versions: Sequence[Version],
    checkpoint: Checkpoint,
    kept: Callable[[int], Checkpoint | None],
) -> list[Version]:
    """The versions from which a checkpoint came, oldest first, and itself if it is one.

    Args:
        versions: all of them.
        checkpoint: any.
        kept: of a lineage that took a version's weights, the checkpoint whose counts went on; the
            version then has that checkpoint's, since its scores begin there.
    """
    known = {version.version: version for version in versions}
    found: list[Version] = []
    number, lineage = checkpoint.version or checkpoint.parent_version, checkpoint.lineage
    while number is not None and number in known:
        version = known.pop(number)
        point = kept(lineage) if version.lineage != lineage else None
        if point is None:
            found.append(version)
            number, lineage = version.parent_version, version.lineage
        else:
            found.append(replace(version, events=version.events | {"learned": _learned(point)}))
            number, lineage = point.version or point.parent_version, point.lineage
    return found[::-1]


def _learned(point: Checkpoint) -> int:
    return point.events.get("learned", 0)


def spans(on_the_way: Sequence[Version]) -> list[Span]:
    """Each version's share of the lesson counts, from none on."""
    learned = [(version.version, version.events.get("learned", 0)) for version in on_the_way]
    begins: list[tuple[int | None, int]] = [(None, 0), *learned]
    ends = [begin for _, begin in begins[1:]]
    return [
        Span(version, begin, end)
        for (version, begin), end in zip(begins, [*ends, None], strict=True)
        if end is None or end > begin
    ]


def versions_within(found: Sequence[Span], begin: int, end: int) -> list[int | None]:
    """The versions that gave the scores with so many lessons behind them."""
    return [span.version for span in found if span.meets(begin, end)]


def versions_text(numbers: Sequence[int | None], oldest: int | None) -> str:
    """Versions as a table names them; None are the scores before the oldest one on the way."""
    named = [number for number in numbers if number is not None]
    first = [f"before version {oldest or 1}"] if None in numbers else []
    run = [] if not named else [str(named[0]) if len(named) == 1 else f"{named[0]}-{named[-1]}"]
    return ", ".join(first + run) or "-"


# Written by the learner's checkpoints.
METRICS = "metrics.npz"
# The periods' first lesson, then the length that was asked for.
PERIODS = "grouping.periods"
# What a file that holds something else makes numpy say; it never runs what it reads.
UNREADABLE = (ValueError, KeyError, IndexError, TypeError, EOFError, BadZipFile)


class NothingMeasuredError(FreshetError):
    """There is no checkpoint to report on, or none whose measures can be read."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A checkpoint and its measures.

    Attributes:
        checkpoint: as the registry has it.
        manifest: of its snapshot.
        evaluator: as it stood then.
        asked: what the config asks to be measured now.
        versions: those from which the checkpoint came, oldest first.
        served: what is served now, and which of the measures are of it.
        replayed: what of the measures a backfill scored, from which the learner went on.
    """

    checkpoint: Checkpoint
    manifest: Mapping[str, Any]
    evaluator: Evaluator
    asked: Measuring
    versions: list[Version]
    served: ServedVersion
    replayed: Replayed | None = None

    @property
    def slices(self) -> dict[str, list[str]]:
        """The texts that the codes of each sliced column stand for."""
        return dict(self.manifest.get("slices") or {})

    @property
    def told(self) -> dict[str, Any]:
        """The settings with which the checkpoint was measured; empty where it does not say."""
        return dict(self.manifest.get("measured_by") or {})

    @property
    def pinned(self) -> dict[str, Any] | None:
        """What was pinned and scored with too, and since which event row."""
        return self.manifest.get(PINNED)

    @property
    def frozen_at(self) -> int | None:
        """The record time (ms) from which the frozen copy scores; None if there is no copy."""
        since = (self.manifest.get("static") or {}).get("since")
        after = self.told.get("static_after")  # of an older release, which did not note the time
        return time_ms(after) if since is None and after is not None else since

    @property
    def shadows(self) -> dict[str, Any]:
        """What each shadow is, and why it has failed if it has, by name."""
        return dict(self.manifest.get("shadows") or {})


def measured(settings: Settings, schema: Schema, version: int | None) -> Measured:
    """The measures of a version, or of the learner's newest checkpoint.

    Raises:
        NothingMeasuredError: there is no checkpoint, or its measures cannot be read.
        RegistryError: there is no such version.
        SnapshotError: its files are damaged or gone.
    """
    with closing(Registry(settings.registry, settings.model, create=False)) as registry:
        found = _checkpoint(registry, version)
        every = registry.versions.all()
        pointers, live = registry.serving.pointers(), registry.versions.live_lineage()
        ancestry = Ancestry(registry)
        on_the_way = chain(every, found, ancestry.kept)
        replayed = None if found.epoch is None else ancestry.replayed(found.lineage)
    measuring = Measuring.by(settings, passthrough_of(settings, schema).slices)
    store = SnapshotStore(Path(settings.snapshots))
    manifest = store.manifest(found.snapshot)
    if METRICS not in manifest.get("files", {}):
        raise NothingMeasuredError(f"{_called(found)} holds no measures. {_ANOTHER}")
    with store.open(found.snapshot, only={METRICS}) as snapshot:
        then = _windows(measuring, manifest.get("measured_by"))
        evaluator = _read(snapshot.path / METRICS, then, found)
    named = {each.version: each for each in every}
    newest, serving = (named.get(n or 0) for n in (pointers.latest, pointers.serving))
    pin = with_unlike(manifest.get(PINNED), serving, found)
    now = served_version(pointers, newest, pin)
    served = of_checkpoint(now, found, None if live is None else live.serial)
    return Measured(found, manifest, evaluator, measuring, on_the_way, served, replayed)


_ANOTHER = (
    "It was written by another version of Freshet: report with that version, or on a newer "
    "checkpoint, which 'freshet learn' or 'freshet backfill' makes."
)


def _checkpoint(registry: Registry, version: int | None) -> Checkpoint:
    if version is None:
        newest = registry.versions.resume_point()
        if newest is None:
            return _newest_version(registry)
        return newest
    found = registry.versions.find(version)
    if found.state == "thinned":
        raise NothingMeasuredError(
            f"The files of version {version} were deleted by retention (checkpoint.keep), and its "
            f"curves and groups with them. Its totals are in 'freshet show {version}'."
        )
    return found


def _newest_version(registry: Registry) -> Checkpoint:
    """Where the learner has saved nothing on its lineage yet: the version that this began with.

    Without one, the newest.
    """
    versions = [version for version in registry.versions.all() if version.state != "thinned"]
    live = registry.versions.live_lineage()
    began = None if live is None else live.parent_version
    versions = [version for version in versions if version.version == began] or versions
    if not versions:
        raise NothingMeasuredError(
            "There is no checkpoint to report on yet: 'freshet learn' makes one as soon as it has "
            "learned, and 'freshet backfill' makes a version of history."
        )
    lineage, newest = registry.versions.live_lineage(), f"version {versions[-1].version}"
    parent = None if lineage is None else lineage.parent_version
    since = "yet" if parent is None else f"since version {parent} was promoted"
    say(f"The learner has not saved a checkpoint {since}; this reports {newest}.")
    return versions[-1]


def _read(path: Path, measuring: Measuring, found: Checkpoint) -> Evaluator:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
        return Evaluator.from_state(_as_saved(measuring, arrays), arrays)
    except MetricsError as error:
        raise NothingMeasuredError(f"{_called(found)} cannot be reported on: {error}") from None
    except UNREADABLE as error:
        raise NothingMeasuredError(
            f"{_called(found)} cannot be reported on: its measures cannot be read ({error!r}). "
            f"{_ANOTHER}"
        ) from error


def _windows(measuring: Measuring, then: Mapping[str, Any] | None) -> Measuring:
    """With the windows that were measured then, which the arrays do not tell."""
    if not then:
        return measuring
    window_ms = milliseconds(then["window_seconds"])
    return replace(measuring, window=then["window"], window_ms=window_ms)


def _as_saved(measuring: Measuring, arrays: Mapping[str, AnyArray]) -> Measuring:
    """What was measured then: under today's threshold, say, no decision has been counted yet."""
    if not {"decided", "slices", "scale", PERIODS} <= arrays.keys():
        return measuring  # another format, which the evaluator refuses by name
    threshold, half_life = map(float, arrays["decided"])
    value = measuring.value
    if value is not None:
        # The sums know no prices, so today's hold; by what they were multiplied is in the sums.
        value = value.model_copy(update={"scale": str(arrays["scale"][0])})
    return replace(
        measuring,
        threshold=threshold,
        half_life=half_life,
        value=value,
        slices=tuple(arrays["slices"].tolist()),
        period_ms=int(arrays[PERIODS][1]),
    )


def _called(found: Checkpoint) -> str:
    if found.version is None:
        return f"The newest checkpoint ({found.snapshot.folder})"
    return f"Version {found.version}"
