"""The commands of versions: models, show, score, promote, unpin, history.

Thin: each opens the registry that the config names, asks it, and prints.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from converters.schema.schema import Schema
    from learners.registry import Registry
    from learners.registry.row_types import Pointers
    from learners.versions.promotion import Asked

VersionNumber = Annotated[int, typer.Argument(help="The version's number.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; kept in the ledger.")]
Force = Annotated[
    bool, typer.Option("--force", help="Promote it even if it is worse; the ledger keeps in what.")
]
Follow = Annotated[
    bool, typer.Option("--follow", help="Do not pin it: serve the learner's next version.")
]
LeaveWaiting = Annotated[
    bool,
    typer.Option(
        "--leave-waiting", help="Let the learner drop events that wait under another schema."
    ),
]

Weights = Annotated[
    bool, typer.Option("--weights", help="Its largest weights by name, and importances.")
]
Top = Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many weights.")]
ReadableModel = Annotated[
    Path | None,
    typer.Option("--readable-model", metavar="FILE", help="Write its model as text for people."),
]

# How many of the largest weights 'show' prints.
SHOWN_WEIGHTS = 20


def models(config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """List the versions, newest last."""
    from learners.report.ancestry import Ancestry
    from learners.versions.describe import (
        files_words,
        served_words,
        version_json,
        versions_table,
        window_words,
    )

    with registry_of(read_config(config)[0]) as registry:
        versions, pointers = registry.versions.all(), registry.serving.pointers()
        adoption, ancestry = registry.adoptions.pending(), Ancestry(registry)
        if json:
            each = ((v, ancestry.trained_on(v)) for v in versions)
            print_json([version_json(*both, pointers, adoption) for both in each])
        elif versions:
            versions_table(versions, pointers, ancestry)
            said = (files_words(versions, ancestry), window_words(versions))
            for words in (*filter(None, said), served_words(pointers, adoption)):
                say(words)
    if not versions and not json:
        say("There is no version yet: 'freshet learn' makes one as soon as it has learned.")


def show(
    version: VersionNumber,
    weights: Weights = False,
    top: Top = SHOWN_WEIGHTS,
    readable_model: ReadableModel = None,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Print one version.

    State, when it was served, lineage, learner, counts, measures and largest weights;
    with --json in full, its manifest and all metrics too. With --weights, what it has
    learned: the largest weights by name, and how much columns and pairs matter.
    """
    import sys

    if weights or readable_model is not None:
        _knowledge(version, top if weights else 0, readable_model, config, json=json)
        return
    from learners.snapshots.store import SnapshotStore
    from learners.versions.describe import full_json
    from learners.versions.one_version import about_version, print_version

    settings, _ = read_config(config)
    with registry_of(settings) as registry:
        found = registry.versions.find(version)
        about = about_version(registry, found)
    store = SnapshotStore(Path(settings.snapshots))
    content = full_json(found, about.trained_on, store, SHOWN_WEIGHTS)
    if json:
        print_json(content)
    else:
        print_version(content, about, settings.model, sys.stdout)


def _knowledge(
    version: int, top: int, readable_model: Path | None, config: Path, *, json: bool
) -> None:
    """Print what a version has learned, and write its model for people."""
    import sys

    from learners.knowledge.version_weights import known_version, weights_json, write_readable
    from learners.knowledge.weights_page import print_weights
    from learners.snapshots.store import SnapshotStore
    from learners.versions.own_schema import KnownSchemas

    settings, schema = read_config(config)
    with registry_of(settings) as registry:
        found = registry.versions.find(version)
        own = KnownSchemas(registry, schema).of(found)
    store = SnapshotStore(Path(settings.snapshots))
    if readable_model is not None:
        write_readable(store, found, readable_model)
        say(f"Wrote the model of version {version} to {readable_model}.")
    if top:
        with known_version(store, found, own) as known:
            content = weights_json(known, top)
        print_json(content) if json else print_weights(content, settings.model, sys.stdout)


def score(
    csv: Annotated[str, typer.Argument(help="CSV file with a header, or - for standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="Where to write.")] = "-",
    version: Annotated[
        int | None, typer.Option("--version", help="Default: the served one.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Score a file offline with a saved version."""
    from converters.convert.cell_words import remarks_on
    from converters.files.output import check_apart
    from converters.show.refused_share import say_refused
    from learners.versions.own_schema import KnownSchemas
    from learners.versions.score_file import score_file

    check_apart({"the CSV file": csv, "--config": str(config)}, {"--output": output})
    settings, schema = read_config(config)
    with registry_of(settings) as registry:
        wanted = version if version is not None else registry.serving.pointers().serving
        if wanted is None:
            raise UsageError("No version is served yet, so there is nothing to score with.")
        found = registry.versions.find(wanted)
        own = KnownSchemas(registry, schema).of(found)
    scored, refused, cells = score_file(settings, own, found, csv, output)
    say(f"{scored:,} rows scored with version {wanted}.")
    for words in remarks_on(cells):
        say(words)
    say_refused("rows", scored + refused.total, refused.reasons, refused.examples)
    if json:
        counts = {"scored": scored, "rejected": refused.total, "cells": cells.to_json()}
        print_json({"version": wanted, **counts})
    if refused.total:
        raise typer.Exit(1)


def promote(
    version: VersionNumber,
    reason: Reason,
    force: Force = False,
    follow: Follow = False,
    leave_waiting: LeaveWaiting = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Serve a version, and keep serving it.

    It is pinned: newer versions do not replace it until it is unpinned. Refused if it is worse than
    the served version; to go back to an earlier one there is 'rollback'.
    """
    from learners.versions.promotion import Asked

    read = read_config(config)
    asked = Asked(force=force, follow=follow, leave_waiting=leave_waiting)
    promoted = promote_version(read, version, reason, asked)
    if json:
        print_json(promoted)


def unpin(reason: Reason, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """Let the learner's newest version be served again."""
    from learners.registry.actor import on_command_line

    with registry_of(read_config(config)[0]) as registry:
        _say_pointers(registry.serving.unpin(reason, on_command_line()), registry, json=json)


def history(
    at: Annotated[str | None, typer.Option("--at", help="Which version was served then.")] = None,
    tree: Annotated[
        bool, typer.Option("--tree", help="Which lineage came from which version.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Print serving changes: actor, time, reason.

    With --at, the version that was served at that time: 2026-01-31T08:15:00Z, or 10 minutes ago.
    With --tree, the lineages, each under the one whose version it began with.
    """
    from converters.show.asked_times import NotATimeError, asked_moment
    from learners.registry.row_types import utc_now
    from learners.versions.describe import entry_json, ledger_table

    if tree:
        _tree(at, config, json=json)
        return
    with registry_of(read_config(config)[0]) as registry:
        if at is not None:
            try:
                moment = asked_moment(at, utc_now())
            except NotATimeError as error:
                raise UsageError(f"--at {error}") from None
            version = registry.ledger.served_at(moment)
            print_json({"at": at, "version": version}) if json else say(
                f"Version {version} was served then." if version else "Nothing was served then."
            )
            return
        entries = registry.ledger.entries()
    if json:
        print_json([entry_json(e) for e in entries])
    else:
        ledger_table(entries)


def _tree(at: str | None, config: Path, *, json: bool) -> None:
    """Draw the lineages."""
    from learners.versions.lineage_tree import lineages_json, print_tree

    if at is not None:
        raise UsageError(
            "--at tells what was served at a time, --tree draws all lineages: leave one out."
        )
    settings, _ = read_config(config)
    with registry_of(settings) as registry:
        every = registry.lineages.all()
    if json:
        print_json(lineages_json(every))
    elif every:
        print_tree(every, settings.model)
    else:
        say("There is no lineage yet: 'freshet learn' begins the first.")


def promote_version(
    config: tuple[Settings, Schema], version: int, reason: str, asked: Asked
) -> dict[str, Any]:
    """Serve a version, say what is served now, and give that as JSON."""
    from learners.registry.actor import on_command_line
    from learners.versions.describe import promoted_json, promoted_words
    from learners.versions.promotion import promote

    with registry_of(config[0]) as registry:
        promoted = promote(registry, config, version, reason, on_command_line(), asked)
        adoption = registry.adoptions.pending()
    say(promoted_words(promoted, adoption))
    return promoted_json(promoted, adoption)


def registry_of(settings: Settings) -> closing[Registry]:
    """The registry, which no command here makes: a mistyped one is told."""
    from learners.registry import Registry

    return closing(Registry(settings.registry, settings.model, create=False))


def _say_pointers(pointers: Pointers, registry: Registry, *, json: bool) -> None:
    from learners.versions.describe import pointers_json, served_words

    adoption = registry.adoptions.pending()
    if json:
        print_json(pointers_json(pointers, adoption))
    else:
        say(served_words(pointers, adoption))
