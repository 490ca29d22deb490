"""The command ``freshet compare``: contenders against the learner's score.

Those that the learner measures come from a checkpoint; a file of scores of one's own is matched
with the log, which is why this is not among the learners' commands.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.errors import UsageError
from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    KafkaConfig,
    print_json,
    read_config,
)

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from converters.schema.schema import Schema
    from learners.evaluation.windows import Kept


Scores = Annotated[
    str | None,
    typer.Option(
        "--scores",
        metavar="FILE",
        help="Scores of your own, by id: CSV or Parquet with the columns id and score.",
    ),
]


def compare(
    against: Annotated[
        str | None, typer.Option("--against", help="One contender's name; default: all of them.")
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(
            "--version", help="Any version, a candidate too; default: the newest checkpoint."
        ),
    ] = None,
    scores: Scores = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Compare each contender with the learner's score.

    Who is better, by how much, and how surely. With --scores, over all labelled events of the log
    that the file names.
    """
    from learners.report.checkpoint_measures import measured
    from learners.report.verdicts import comparisons, show, window_of

    if scores is not None and (against is not None or version is not None):
        raise UsageError(
            "--scores compares a file with the scores that the log has, which are of no single "
            "version: leave out --against and --version."
        )
    settings, schema = read_config(config, kafka_config)
    found = measured(settings, schema, version)
    if scores is None:
        told = comparisons(settings, found, window_of(found), against)
    else:
        kept, name, of_file = _of_file(settings, schema, scores)
        told = comparisons(settings, found, kept, name) | {"scores_file": of_file}
    if json:
        print_json(told)
    else:
        show(told)


def _of_file(settings: Settings, schema: Schema, path: str) -> tuple[Kept, str, dict[str, Any]]:
    """The labelled events that a file names with both scores, its name, and what became of it."""
    from converters.files.csv_file import open_csv
    from converters.show.command_line import progress
    from learners.evaluation.labelled_examples import PINNED
    from learners.registry import Registry
    from learners.report.ancestry import Ancestry
    from learners.report.document import CALLED, SCORE
    from stream.log.topics import topics_of
    from stream.open_log import opened_log
    from stream.own_scores.labelled_events import Events, labelled_events
    from stream.own_scores.score_column import own_scores
    from stream.reading.conversion import record_reader
    from stream.resolved_config import context_of, resolve

    with closing(Registry(settings.registry, settings.model)) as registry:
        lineage = registry.versions.live_lineage()
        scored_by = Ancestry(registry).scored_by(lineage.serial) if lineage else set()
    known = lineage is not None and lineage.config is not None
    context = context_of(settings, lineage) if lineage and known else resolve(settings, schema)
    reader = record_reader(context)
    with (
        open_csv(path, settings.csv) as file,
        progress("rows", file.size, file.tell) as shown,
    ):
        own = own_scores(file, reader.rows, shown)
    events = Events(own, context.settings.late_labels, scored_by)
    with opened_log(settings) as log, progress("rows of the log") as shown:
        labelled_events(log, topics_of(settings), reader, events, shown)
    path = "standard input" if path == "-" else path
    name = Path(path).name
    if lineage is not None:
        events.check_scored(name, lineage.serial)
    name = f"file {name}" if name in {SCORE, PINNED, *CALLED} else name
    return events.kept(name), name, events.to_json(path)
