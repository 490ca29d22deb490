"""What is known of the config that a model has: its lineage's, its measures', its learner's.

All is only read, also while a learner runs or on a disk that is read-only; Kafka is not asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.config.settings import Settings
from converters.config.sqlite_url import sqlite_file, sqlite_url
from converters.errors import FreshetError
from learners.registry import Registry
from learners.registry.database import open_to_read
from learners.registry.errors import NoRegistryError
from learners.registry.row_types import Checkpoint, Lineage, Start, Version
from learners.report.ancestry import Ancestry, TrainedOn
from learners.snapshots.store import SnapshotStore
from learners.versions.promotion import LEAST_LEARNED

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model and the config that it has.

    Attributes:
        name: the model's.
        registry: the URL of the registry that has it.
        lineage: the one that a learner resumes or, with an adoption pending, begins with.
        version: the version compared with, if one was named.
        settings: those of the learner's last start; None if it did not keep them.
        measured_by: the settings of the newest checkpoint's measures; None if not to be had.
        waiting: events that wait for their labels.
        trained_on: the examples behind its weights.
        candidates: versions that are not served, with the lineages that made them.
        here: the keys of places that lead to what the model has, wherever that was before.
    """

    name: str
    registry: str
    lineage: Lineage
    version: int | None
    settings: Json | None
    measured_by: Json | None
    waiting: int
    trained_on: TrainedOn
    candidates: tuple[tuple[Version, Lineage], ...]
    here: frozenset[str]


def known_model(settings: Settings, folder: Path, version: int | None) -> KnownModel | None:
    """The model that a config is for; None if there is none yet.

    A config whose ``model``, ``home`` or ``registry`` was edited leads elsewhere: the model is also
    looked for under another name with this home, and in the default places of the registry.

    Args:
        settings: the edited config.
        folder: that of the config file.
        version: compare with the lineage that made this one, not with the learner's.

    Raises:
        RegistryError: the registry cannot be read.
        UnknownVersionError: there is no such version.
    """
    for url in _places(settings, folder):
        for name in _names(url, settings):
            with closing(Registry(url, name, read_only=True)) as registry:
                found = _found(registry, url, name, settings, version)
            if found is not None:
                return found
    return None


def _places(settings: Settings, folder: Path) -> Iterator[str]:
    """Where the registry may be: as configured, then in the default places."""
    homes = (settings.home, folder / ".freshet")
    defaults = (sqlite_url(home / "registry.db") for home in homes)
    yield from dict.fromkeys((settings.registry, *defaults))


def _names(url: str, settings: Settings) -> list[str]:
    """The name of the model in a registry; of another one only if it had the same home."""
    try:
        with closing(Registry(url, settings.model, read_only=True)) as registry:
            last = registry.writer.last_settings()
    except NoRegistryError:
        return []
    home = str(settings.home)
    others = [name for name, known in last.items() if known and known.get("home") == home]
    return [settings.model, *(name for name in others if name != settings.model)]


def _found(
    registry: Registry, url: str, name: str, settings: Settings, version: int | None
) -> KnownModel | None:
    lineage, point = _baseline(registry, version)
    if lineage is None:
        return None
    last = registry.writer.last_settings().get(name)
    folders = [settings.snapshots, *([last["snapshots"]] if last is not None else [])]
    measured = [_manifest(Path(folder), point) for folder in folders]
    same = {
        "registry": url == settings.registry and name == settings.model,
        "snapshots": point is None or measured[0] is not None,
        "log": _is_read(settings.log, lineage.start if point is None else point.start),
    }
    elsewhere = sqlite_file(settings.log) is None
    same["home"] = same["registry"] and same["snapshots"] and (same["log"] or elsewhere)
    return KnownModel(
        name,
        url,
        lineage,
        version,
        last,
        next((found.get("measured_by") for found in measured if found is not None), None),
        0 if point is None else point.events.get("waiting", 0),
        _trained_on(registry, lineage, point, named=version is not None),
        _candidates(registry),
        frozenset(key for key, is_so in same.items() if is_so),
    )


def _baseline(registry: Registry, version: int | None) -> tuple[Lineage | None, Checkpoint | None]:
    """The lineage to compare with, and the checkpoint whose measures go on."""
    versions, point = registry.versions, registry.versions.resume_point()
    if version is not None:
        found = versions.find(version)
        return versions.lineage(found.lineage), found
    adoption = registry.adoptions.pending()
    if adoption is None:
        return versions.live_lineage(), point
    adopted = versions.find(adoption.version)
    here = point if adoption.kind != "whole" and point is not None else adopted
    return versions.lineage(adopted.lineage), here


def _trained_on(
    registry: Registry, lineage: Lineage, point: Checkpoint | None, *, named: bool
) -> TrainedOn:
    """The examples behind the weights; those of a lineage without a checkpoint as it began."""
    adoption = registry.adoptions.pending()
    if adoption is not None and not named:
        point = registry.versions.find(adoption.version)
    elif point is None and lineage.parent_version is not None:
        point = registry.versions.find(lineage.parent_version)
    return TrainedOn(0) if point is None else Ancestry(registry).trained_on(point)


def _manifest(folder: Path, point: Checkpoint | None) -> Json | None:
    """That of a checkpoint; None where it is gone or damaged, which is for others to tell."""
    if point is None:
        return None
    try:
        return SnapshotStore(folder).manifest(point.snapshot)
    except FreshetError:
        return None


def _is_read(log: str, start: Start) -> bool:
    """Whether a log is a file with the topics that the model has read."""
    path = sqlite_file(log)
    if path is None or not path.exists():
        return False
    try:
        with closing(open_to_read(path)) as file:
            topics = dict(file.execute("SELECT name, topic_id FROM topics"))
    except sqlite3.Error:
        return False
    return start.topic_ids.items() <= topics.items()


def _candidates(registry: Registry) -> tuple[tuple[Version, Lineage], ...]:
    """The newest first; none that a promotion would refuse for what it has not learned."""
    point, ancestry = registry.versions.resume_point(), Ancestry(registry)
    enough = 1.0
    if point is not None:
        enough = max(enough, LEAST_LEARNED * ancestry.trained_on(point).examples)
    every = registry.versions.candidates()
    found = [version for version in every if ancestry.trained_on(version).examples >= enough]
    lineages: Mapping[int, Lineage | None] = {
        v.lineage: registry.versions.lineage(v.lineage) for v in found
    }
    pairs = ((v, lineages[v.lineage]) for v in reversed(found))
    return tuple((v, lineage) for v, lineage in pairs if lineage is not None)
