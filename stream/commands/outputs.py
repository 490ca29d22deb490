"""The commands for what the learner writes: print scores and refused rows, resubmit corrected rows.

A row's content goes to standard output and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.errors import FreshetError
from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    KafkaConfig,
    print_json,
    read_config,
    say,
)
from stream.stopping import LOG, stopped_by_signals, waiting_for

if TYPE_CHECKING:
    from converters.cells.remedies import ReasonCounts
    from converters.config.settings import Settings
    from converters.schema.schema import Schema
    from stream.dead_letters.corrected_file import Report
    from stream.dead_letters.resend import SendingAgain
    from stream.fold.outputs import DeadLetter
    from stream.log.contract import Record
    from stream.log.topics import Topics


# How many refused rows are named on standard error; --json names them all.
NAMED = 20


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
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Print the scores topic as CSV.

    Columns: topic,partition,offset,row,id,score,lessons,lineage. The column
    lessons is the number of labelled examples that the learner had trained on before the score.
    """
    from stream.fold.outputs import Score, read_scores

    settings, _ = read_config(config, kafka_config)
    with output_records(settings, "scores", first) as records:
        print_rows(Score._fields, read_scores(records), json=json)


class Rows(StrEnum):
    """Whose rows to print whole."""

    events = "events"
    labels = "labels"


def dead_letters(
    reason: Annotated[str | None, typer.Option("--reason", help="Only this reason.")] = None,
    rows: Annotated[
        Rows | None,
        typer.Option("--rows", help="Whole rows that are not sent again yet, to be corrected."),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Print refused rows as CSV, and what helps.

    Columns: topic,partition,offset,row,reason,column,text. A summary by reason, with what
    helps against each, goes to standard error.
    """
    from converters.cells.remedies import ReasonCounts, explained
    from stream.fold.outputs import DeadLetter, read_dead_letters

    settings, schema = read_config(config, kafka_config)
    if rows is not None:
        _print_whole(settings, schema, rows, reason, json=json)
        return
    refused = ReasonCounts()
    with output_records(settings, "dead_letters", 0) as records:
        letters = (d for d in read_dead_letters(records) if reason in (None, d.reason))
        print_rows(DeadLetter._fields, _counted(letters, refused), json=json)
    for line in explained(refused.reasons, refused.examples, len(refused.reasons)):
        say(line)


def _counted(letters: Iterator[DeadLetter], refused: ReasonCounts) -> Iterator[DeadLetter]:
    """The same, counted by reason on the way."""
    from converters.cells.refusal import Refusal

    for letter in letters:
        refused.add((Refusal(letter.reason, letter.column, letter.text),))
        yield letter


def replay_dead_letters(
    file: Annotated[
        str | None,
        typer.Argument(
            help="What 'dead-letters --rows' printed, CSV or JSON, corrected; - for stdin."
        ),
    ] = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Send corrected rows again, each once.

    Without a file, report what needs correcting.
    """
    settings, schema = read_config(config, kafka_config)
    with _sending(settings, schema) as sending:
        stopped = stopped_by_signals(
            lambda: setattr(sending, "stopping", True), partial(_give_up_sending, sending)
        )
        try:
            with stopped, waiting_for(LOG):
                report = _replay(sending, file)
        except FreshetError:
            if sending.report.sent:
                say(f"{_sent_again(sending.report)} sent again before this error.")
            raise
    if json:
        print_json(report.to_json())
    _say_report(sending, report, file)
    if report.refused:
        raise typer.Exit(1)


def _sent_again(report: Report) -> str:
    from converters.show.tables import counted

    return counted(report.sent, "row was", "rows were")


def _give_up_sending(sending: SendingAgain, what: str) -> int:
    """Say how far it came when it is asked to stop and does not wait any longer."""
    say(
        f"{_sent_again(sending.report)} sent again. Stopped without waiting for {what}, which "
        "does not answer: run it again, and each row is sent once."
    )
    return 1


def _replay(sending: SendingAgain, file: str | None) -> Report:
    from converters.config.settings import CsvSettings
    from converters.files.csv_file import open_csv
    from converters.show.command_line import progress
    from stream.dead_letters.corrected_file import CorrectedFile
    from stream.dead_letters.corrected_list import CorrectedList, json_list

    if file is None:
        with progress("refused rows") as shown:
            return sending.as_they_are(shown)
    if (content := json_list(file)) is not None:
        found = CorrectedList(content, file, sending.context.schema, sending.refused.topics)
        with progress("rows") as shown:
            return sending.file(found.rows(), shown)
    # As 'dead-letters --rows' prints it: the config's delimiter, but always UTF-8.
    csv = CsvSettings(delimiter=sending.context.schema.delimiter)
    with open_csv(file, csv) as opened, progress("rows", opened.size, opened.tell) as shown:
        context = sending.context
        earlier = [each.schema.names for each in context.writers]
        corrected = CorrectedFile(opened, context.schema, sending.refused.topics, earlier)
        return sending.file(corrected.rows(), shown)


def _print_whole(
    settings: Settings, schema: Schema, rows: Rows, reason: str | None, *, json: bool
) -> None:
    from stream.dead_letters.corrected_file import event_form, label_form

    form = event_form(schema) if rows is Rows.events else label_form()
    with _sending(settings, schema) as sending:
        topic = getattr(sending.refused.topics, rows.value)
        found = map(form.line, sending.to_correct(topic, reason))
        print_rows(form.header, found, json=json, delimiter=schema.delimiter)


@contextmanager
def _sending(settings: Settings, schema: Schema) -> Iterator[SendingAgain]:
    from learners.registry import Registry
    from stream.dead_letters.resend import sending_again
    from stream.open_log import opened_log
    from stream.resolved_config import resolve

    place = settings.registry, settings.model
    with opened_log(settings) as log, closing(Registry(*place, create=False)) as known:
        yield sending_again(resolve(settings, schema), known, log)


def _say_report(sending: SendingAgain, report: Report, file: str | None) -> None:
    """What happened to the rows, and what to do about those that are left."""
    from converters.show.tables import counted

    say(f"{_sent_again(report)} sent again, {report.already_sent:,} had been sent before.")
    for row in report.refused[:NAMED]:
        column = f" in {row.column}" if row.column else ""
        say(f"{file}, line {row.line}: not sent, {row.reason}{column}.")
    if len(report.refused) > NAMED:
        say(f"{len(report.refused) - NAMED:,} more rows were not sent; --json names them all.")
    if accepted := report.accepted_in_place:
        say(
            f"{counted(accepted, 'row was', 'rows were')} refused under an earlier config; the "
            "current one accepts what was refused at its original position."
        )
    if not report.left:
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in report.left.most_common())
    say(f"{report.left.total():,} refused rows are not sent again: {reasons}.")
    if sending.changed is not None:
        say(
            "The config is not the one that the model was created with: 'freshet backfill log "
            "--fresh' reads these rows under it, at their original position."
        )
    else:
        say(
            "Correct what 'freshet dead-letters --rows events' (or labels) prints, and resubmit it "
            "with 'freshet replay-dead-letters FILE'."
        )
