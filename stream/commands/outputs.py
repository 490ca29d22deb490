"""``freshet scores``, and how rows of an output topic are printed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from stream.log.contract import Record
    from stream.log.topics import Topics


def print_rows(
    names: tuple[str, ...], rows: Iterator[tuple[Any, ...]], *, json: bool, delimiter: str = ","
) -> None:
    """Rows on standard output: CSV with a header, or a list of objects."""
    import sys

    from converters.files.framing import csv_line

    if json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    sys.stdout.writelines(csv_line(row, delimiter) + "\n" for row in chain([names], rows))


@contextmanager
def output_records(settings: Settings, what: str, first: int) -> Iterator[Iterator[Record]]:
    """The records of an output topic from an offset on; none if nothing has been written yet."""
    from stream.log import journal
    from stream.log.topics import topics_of
    from stream.open_log import opened_log

    topics: Topics = topics_of(settings)
    name = getattr(topics, what)
    with opened_log(settings) as event_log:
        state = event_log.describe([name]).get(name)
        if state is None:
            yield iter(())
            return
        start = {place: max(first, begin) for place, begin in state.begins.items()}
        yield journal.records(event_log, name, start)


def scores(
    first: Annotated[int, typer.Option("--from", min=0, help="First offset to print.")] = 0,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Print the scores topic as CSV: topic,partition,offset,row,id,score,lessons,lineage."""
    from stream.fold.outputs import Score, read_scores

    settings, _ = read_config(config)
    with output_records(settings, "scores", first) as records:
        print_rows(Score._fields, read_scores(records), json=json)
