"""The schemas that a model has had: a version scores under its own, whatever today's config says.

Each lineage keeps the config that decides what it learns, and with it its schema. Clients do not
change the moment the schema does, so rows are read under each of them by the names of all: a name
that a column had, or was given later (``was``), is that column; another schema's is passed over.

Each reads cells by the version of the converter with which its lineage began.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from converters.cells.kind import (
    CONVERTER_VERSION,
    FIRST_CONVERTER,
    UnknownConverterError,
    check_converter,
)
from converters.config.settings import Settings
from converters.schema.schema import Column, Schema, from_settings
from learners.registry import Registry
from learners.registry.errors import UnservableVersionError
from learners.registry.row_types import Checkpoint, Json, Lineage, Version, converter_of
from learners.snapshots.store import SnapshotStore

# The sections of a lineage's config that make its schema.
_SECTIONS = ("columns", "label", "csv", "record")


class KnownSchemas:
    """A model's schemas by their hash: the config's, and those that lineages have kept.

    Each reads rows of all times that were known at the last :meth:`look`. The config's is there
    by each version of the converter: the first lineages kept no config.

    Raises:
        RegistryError: the registry cannot be read.
    """

    def __init__(self, registry: Registry, today: Schema) -> None:
        self._registry = registry
        versions = range(FIRST_CONVERTER, CONVERTER_VERSION + 1)
        own = [today, *map(today.read_by, versions)]
        self._own = {each.hash: each for each in own}
        self._unknown: dict[str, UnknownConverterError] = {}
        self.by_hash: Mapping[str, Schema] = {}
        self.look()

    def look(self) -> None:
        """See what lineages have kept by now."""
        for schema_hash, config in self._registry.versions.configs().items():
            if schema_hash not in self._own and schema_hash not in self._unknown:
                try:
                    self._own[schema_hash] = schema_of(config)
                except UnknownConverterError as error:
                    self._unknown[schema_hash] = error
        known = self._own.values()
        self.by_hash = {own: _reading(schema, known) for own, schema in self._own.items()}

    def of(self, version: Checkpoint) -> Schema:
        """The schema of a version.

        Raises:
            UnservableVersionError: a release made it that did not keep its config, and today's
                differs; or one made it whose converter this one does not have.
        """
        if version.schema_hash in self._unknown:
            raise UnservableVersionError(
                f"Version {version.version}: {self._unknown[version.schema_hash]}"
            )
        found = self.by_hash.get(version.schema_hash)
        if found is None:
            raise UnservableVersionError(
                f"Version {version.version} was learned with a different schema than the config's: "
                "other columns, labels or interactions. An older release made it, which did not "
                "keep its config. Use the config it was made with."
            )
        return found


def check_servable(
    registry: Registry, snapshots: SnapshotStore, today: Schema, version: Version
) -> None:
    """Refuse a version that no server could load, before it is pointed to.

    Raises:
        SnapshotError: its files are gone.
        UnservableVersionError: its schema is not known.
    """
    if version.state not in ("thinned", "refused"):  # those the registry refuses by itself
        snapshots.manifest(version.snapshot)
        KnownSchemas(registry, today).of(version)


def schema_of(config: Json) -> Schema:
    """The schema in a lineage's config.

    Raises:
        UnknownConverterError: this release cannot read cells as it does.
    """
    converter = converter_of(config)
    check_converter(converter)
    own = {name: config[name] for name in _SECTIONS}
    learner = {"interactions": config["learner"]["interactions"]}
    settings = Settings.model_validate({"model": "own", **own, "learner": learner})
    return from_settings(settings, converter)


def as_learned(today: Schema, live: Lineage | None) -> Schema:
    """The config's schema, reading cells as the learner's model does if it was begun under it.

    Whoever writes rows and labels for that learner reads times as it does.

    Args:
        today: the config's.
        live: the learner's lineage, if there is one.
    """
    if live is None:
        return today
    try:
        found = today.read_by(live.converter)
    except UnknownConverterError:  # of which the learner tells
        return today
    return found if found.hash == live.schema_hash else today


def _reading(schema: Schema, known: Collection[Schema]) -> Schema:
    """A schema that reads rows which were written under the others too."""
    columns = [column for each in known for column in each.columns]
    old = {column.name: column.settings.was for column in columns if column.settings.was}
    new: dict[str, tuple[str, ...]] = {}
    for column in columns:
        for name in column.settings.was:
            new[name] = (*new.get(name, ()), column.name)
    own = frozenset(schema.names)
    renamed = tuple(_renamed(column, new, old, own) for column in schema.columns)
    names = frozenset(column.name for column in columns)
    return replace(schema, columns=renamed, former=schema.former | (names - own))


def _renamed(
    column: Column,
    new: Mapping[str, Sequence[str]],
    old: Mapping[str, Sequence[str]],
    own: frozenset[str],
) -> Column:
    """A column with the names that it was given later, and had long before, the latest first."""
    was = column.settings.was
    later = [name for each in (column.name, *was) for name in reversed(_followed(each, new))]
    before = [name for each in (column.name, *was) for name in _followed(each, old)]
    names = tuple(name for name in dict.fromkeys((*later, *was, *before)) if name not in own)
    if names == was:
        return column
    return column._replace(settings=column.settings.model_copy(update={"was": names}))


def _followed(name: str, to: Mapping[str, Sequence[str]]) -> list[str]:
    """The names that a name leads to, the nearest first."""
    found = [name]
    for each in found:  # grows on the way
        found += [other for other in dict.fromkeys(to.get(each, ())) if other not in found]
    return found[1:]
