"""The command of differences, ``freshet diff``; :mod:`learners.knowledge` has what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config
from learners.commands.versions import SHOWN_WEIGHTS, Top, VersionNumber, registry_of

Row = Annotated[
    str | None,
    typer.Option(
        "--row",
        metavar="JSON|FILE",
        help="A row as a JSON object, or a file of which the first is taken.",
    ),
]


def diff(
    version: VersionNumber,
    other: Annotated[int, typer.Argument(help="The number of that to compare it with.")],
    row: Row = None,
    top: Top = SHOWN_WEIGHTS,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Compare what two versions know.

    The weights that changed most by name, and what else differs of what made them. With --row,
    why the row's score moved: what each column adds under both.
    """
    import sys

    from learners.knowledge.asked_row import line_of
    from learners.knowledge.diff_page import print_diff
    from learners.knowledge.version_diff import diff_json, row_json
    from learners.knowledge.version_weights import known_version
    from learners.snapshots.store import SnapshotStore
    from learners.versions.own_schema import KnownSchemas

    settings, schema = read_config(config)
    with registry_of(settings) as registry:
        found = [registry.versions.find(number) for number in (version, other)]
        schemas = KnownSchemas(registry, schema)
        first, second = (schemas.of(each) for each in found)
    store = SnapshotStore(Path(settings.snapshots))
    with (
        known_version(store, found[0], first) as one,
        known_version(store, found[1], second) as two,
    ):
        told = None
        if row is not None:
            lines = line_of(row, settings, first), line_of(row, settings, second)
            told = row_json(one, two, lines, settings)
        content = diff_json(one, two, top, told)
    print_json(content) if json else print_diff(content, settings.model, sys.stdout)
