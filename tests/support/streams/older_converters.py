"""Models that an earlier release began: they read cells by its version of the converter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text

from converters.cells.kind import FIRST_CONVERTER
from converters.schema import schema
from tests.support.serving.project import Project


@contextmanager
def by_converter(version: int) -> Iterator[None]:
    """Schemas that are made in here read cells by this version, as if no later one existed."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schema.from_settings, "__defaults__", (version,))
        yield


def today(project: Project) -> Project:
    """The same project, its unchanged config read by this release."""
    return project.edited()


def forget_config(project: Project) -> None:
    """Have no lineage keep its config, as the first releases left them."""
    older = project.schema.read_by(FIRST_CONVERTER).hash
    changed: dict[str, object] = {"older": older, "newer": project.schema.hash}
    _write(project, "UPDATE lineages SET config = NULL, writers = NULL")
    for table in ("lineages", "checkpoints"):
        _write(
            project, f"UPDATE {table} SET schema_hash = :older WHERE schema_hash = :newer", changed
        )


def set_converter(project: Project, version: int, lineage: int = 1) -> None:
    """Have a lineage be of a release with this version of the converter."""
    with project.registry() as registry:
        found = registry.versions.lineage(lineage)
    assert found is not None
    config = json.dumps({**(found.config or {}), "converter": version})
    _write(
        project, "UPDATE lineages SET config = :c WHERE serial = :l", {"c": config, "l": lineage}
    )
    for table, key in (("lineages", "serial"), ("checkpoints", "lineage")):
        of = f"UPDATE {table} SET schema_hash = 'by another release' WHERE {key} = :l"
        _write(project, of, {"l": lineage})


def strange_key(project: Project, section: str, lineage: int = 1) -> None:
    """Have a lineage keep a key that only another release knows."""
    with project.registry() as registry:
        found = registry.versions.lineage(lineage)
    assert found is not None
    assert found.config is not None
    config = {**found.config, section: {**found.config[section], "patience": 5}}
    values: dict[str, object] = {"c": json.dumps(config), "l": lineage}
    _write(project, "UPDATE lineages SET config = :c WHERE serial = :l", values)


def _write(project: Project, statement: str, values: dict[str, object] | None = None) -> None:
    engine = create_engine(project.settings.registry)
    with engine.begin() as connection:
        connection.execute(text(statement), values or {})
    engine.dispose()
