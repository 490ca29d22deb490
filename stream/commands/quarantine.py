"""``freshet quarantine``: records of the log that nobody learns who reads it again.

A quarantine changes nothing that was learned: 'freshet rollback VERSION --learner replay' does.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    KafkaConfig,
    as_given,
    print_json,
    read_config,
    say,
)
from learners.commands.versions import Reason, registry_of

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from converters.schema.schema import Schema
    from learners.registry import Registry
    from learners.registry.requests.offset_ranges import OffsetRanges
    from stream.log.contract import EventLog
    from stream.quarantine.asked_ranges import Asked
    from stream.quarantine.preview import Preview as Found
    from stream.quarantine.resubmit import Resubmitted, Resubmitting
    from stream.reading.record_reader import RecordReader

app = typer.Typer(
    help="Add, list and remove quarantines: records of the log that nobody learns who reads it "
    "again.\n\nA replay ('rollback VERSION --learner replay') and 'backfill log --fresh' leave "
    "them out. What has learned them already stays as it is.",
    short_help="Keep records of the log from being learned again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Skip = Annotated[
    list[str] | None,
    typer.Option(
        "--skip",
        metavar="TOPIC:PARTITION:FIRST-LAST",
        help="Records by their offsets, both in it. May be given several times.",
    ),
]
SkipTime = Annotated[
    list[str] | None,
    typer.Option(
        "--skip-time",
        metavar="events|labels FROM..TO",
        help="Records by their time, FROM in it and TO not; one of the two may be left out. May be "
        "given several times.",
    ),
]
Preview = Annotated[
    bool, typer.Option("--preview", help="Only say what these records hold; change nothing.")
]
MaybeReason = Annotated[
    str | None,
    typer.Option(
        "--reason",
        help="Why; kept in the ledger. Required, except with --preview.",
        show_default=False,
    ),
]
Output = Annotated[
    str,
    typer.Option("-o", "--output", help="A file that is not there yet; .gz and .zst compress it."),
]
# How many refused rows are named one by one.
NAMED = 10
Labels = Annotated[bool, typer.Option("--labels", help="Its labels, and not its events.")]
Number = Annotated[int, typer.Argument(metavar="NUMBER", help="The quarantine's number.")]


@app.command()
def add(
    reason: MaybeReason = None,
    skip: Skip = None,
    skip_time: SkipTime = None,
    preview: Preview = False,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Leave records out from now on, wherever the log is read again.

    Times are looked up in the log once, up to its end as it is now: what comes later is learned.
    """
    from learners.registry.actor import on_command_line
    from stream.open_log import opened_log
    from stream.quarantine.listing import quarantine_json, quarantine_words

    asked = asked_of(skip, skip_time)
    if not asked:
        raise UsageError(
            "Nothing is named: give --skip TOPIC:PARTITION:FIRST-LAST, or --skip-time events (or "
            "labels) FROM..TO."
        )
    why, read = check_why(reason, preview=preview), read_config(config, kafka_config)
    with registry_of(read[0]) as registry, opened_log(read[0]) as log:
        held = found_in(log, read[0], asked)
        if preview:
            _show(looked_at(log, registry, read, held), json=json)
            return
        known = {each.number for each in registry.quarantines.all()}
        found = registry.quarantines.add(asked.to_json(), held, why, on_command_line())
    if json:
        print_json(quarantine_json(found))
        return
    again = "Nothing changed: these records are in quarantine already. "
    say(f"{again if found.number in known else ''}{quarantine_words(found)}")
    say(
        "What has learned them stays as it is. To have the learner go back and learn without them: "
        "'freshet rollback VERSION --learner replay --reason TEXT'."
    )


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """List the quarantines, removed ones too, newest last."""
    from stream.quarantine.listing import quarantine_json, quarantine_lines

    with registry_of(read_config(config)[0]) as registry:
        every = registry.quarantines.all()
    if json:
        print_json([quarantine_json(each) for each in every])
    elif every:
        sys.stdout.write(as_given("\n".join(quarantine_lines(every))) + "\n")
    else:
        say("Nothing was ever put into quarantine.")


@app.command()
def remove(
    number: Number, reason: Reason, config: Config = DEFAULT_CONFIG, json: Json = False
) -> None:
    """Learn its records again, wherever the log is read again from now on.

    A model that was learned without them stays as it is.
    """
    from learners.registry.actor import on_command_line
    from stream.quarantine.listing import quarantine_json, quarantine_words

    with registry_of(read_config(config)[0]) as registry:
        before = registry.quarantines.find(number)
        found = registry.quarantines.remove(number, reason, on_command_line())
    if json:
        print_json(quarantine_json(found))
        return
    say(f"{'Nothing changed. ' if before.removed_at else ''}{quarantine_words(found)}")
    if before.removed_at is None:
        say(
            "What was learned without these records stays as it is; a replay or 'freshet backfill "
            "log --fresh' takes them again, unless another quarantine holds them."
        )


@app.command()
def export(
    number: Number,
    output: Output = "-",
    labels: Labels = False,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
) -> None:
    """Print its rows as CSV, to look at or to correct.

    Columns: topic,partition,offset,row,reason,column, those of the data, and raw: the whole of a
    row whose cells cannot be distinguished. Reason and column say why a row is refused, if it is.
    """
    from converters.files.output import writing
    from converters.show.command_line import progress
    from converters.show.tables import counted
    from stream.log.topics import topics_of
    from stream.open_log import opened_log
    from stream.quarantine.export import exported, form_of, held_in
    from stream.quarantine.preview import own_reader

    _check_not_there(output)
    read, count = read_config(config, kafka_config), -1  # without the header
    with registry_of(read[0]) as registry, opened_log(read[0]) as log:
        found, reader = registry.quarantines.find(number), own_reader(registry, read)
        held, more = held_in(found, topics_of(read[0]), labels=labels)
        lines = exported(log, reader, held, form_of(reader, labels=labels))
        with writing(output) as file, progress("rows") as shown:
            for count, line in enumerate(lines):
                file.write(line)
                shown(count)
    say(f"{counted(count, 'row', 'rows')} of quarantine {number}.")
    if more:
        say(
            "It holds events too, without --labels."
            if labels
            else "It holds labels too: add --labels."
        )


@app.command()
def resubmit(
    number: Number,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What 'export' wrote, corrected; - reads it.")
    ],
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Have corrected rows of it learned in its place, wherever the log is read again.

    FILE has the header and the first four columns as 'export' wrote them; rows that are not in it
    stay left out, and so do those that it has unchanged and that cannot be learned. Of several
    corrections of a row the last counts. With status 1 some rows of FILE would not be learned, and
    were not sent.
    """
    from learners.registry.actor import on_command_line
    from stream.open_log import opened_log
    from stream.quarantine.preview import own_reader
    from stream.quarantine.resubmit import resubmitting

    read = read_config(config, kafka_config)
    with registry_of(read[0]) as registry, opened_log(read[0]) as log:
        found, reader = registry.quarantines.find(number), own_reader(registry, read)
        with resubmitting(log, read[0], reader, found) as sending:
            report = _sent(sending, file, reader)
        actor = on_command_line()
        found = registry.quarantines.corrected(number, report.rows, report.sent, actor)
        before = _before_corrected(log, registry, read[0], number) if report.rows else None
    if json:
        print_json(report.to_json() | {"newest_before": before})
    else:
        _say_resubmitted(report, number, file, before)
    if report.refused:
        raise typer.Exit(1)


def _sent(sending: Resubmitting, file: str, reader: RecordReader) -> Resubmitted:
    """The rows of a file are sent; how far that is is shown."""
    from converters.config.settings import CsvSettings
    from converters.files.csv_file import open_csv
    from converters.show.command_line import progress
    from stream.dead_letters.corrected_file import CorrectedFile

    schema, topics = reader.rows.schema, sending.judge.topics
    # As 'export' writes it: the config's delimiter, but always UTF-8.
    csv = CsvSettings(delimiter=schema.delimiter)
    with open_csv(file, csv) as opened, progress("rows", opened.size, opened.tell) as shown:
        earlier = [rows.schema.names for _, rows in reader.earlier]
        return sending.send(CorrectedFile(opened, schema, topics, earlier).rows(), shown)


def _before_corrected(
    log: EventLog, registry: Registry, settings: Settings, number: int
) -> int | None:
    """The newest version from which a replay would take all corrected rows of a quarantine."""
    from stream.log.topics import topics_of
    from stream.quarantine.replay_corrections import before_corrected
    from stream.reading.corrections import fixed_now

    held = registry.quarantines.held()
    now = fixed_now(log, topics_of(settings).corrections, [number], held)
    return None if now is None else before_corrected(log, registry, settings, now.ranges, held)


def _say_resubmitted(report: Resubmitted, number: int, file: str, before: int | None) -> None:
    """What came of the rows, what their refusals mean, and how they are learned."""
    from converters.cells.refusal import SENTENCES
    from converters.show.tables import counted
    from stream.quarantine.resubmit import OWN_SENTENCES

    say(
        f"{counted(report.sent, 'row was', 'rows were')} sent, {report.already_sent:,} had been "
        f"sent before. {counted(report.rows, 'row', 'rows')} of quarantine {number} "
        f"{'has' if report.rows == 1 else 'have'} a correction now."
    )
    for row in report.refused[:NAMED]:
        column = f" in {row.column}" if row.column else ""
        say(f"{file}, line {row.line}: not sent, {row.reason}{column}.")
    if len(report.refused) > NAMED:
        say(f"{len(report.refused) - NAMED:,} more rows were not sent; --json names them all.")
    for reason in sorted({row.reason for row in report.refused}):
        meaning = (SENTENCES | OWN_SENTENCES).get(reason)
        if meaning:
            say(f"{reason}: {meaning}.")
    if not report.rows:
        return
    fresh = "'freshet backfill log --fresh' learns them"
    say(
        f"Nothing that was learned has changed. No version that the learner could go back to is "
        f"before them; {fresh}."
        if before is None
        else "Nothing that was learned has changed. To have the learner go back and learn them: "
        f"'freshet rollback {before} --learner replay --reason TEXT'; {fresh} too."
    )


def _check_not_there(output: str) -> None:
    """Refuse a file that somebody may have corrected since it was written."""
    from pathlib import Path

    if output != "-" and Path(output).is_file():
        raise UsageError(
            f"{output} is there already, perhaps with corrections. Name another file with "
            "--output, or remove it."
        )


def asked_of(skip: list[str] | None, skip_time: list[str] | None) -> Asked:
    """What the options ask for."""
    from stream.quarantine.asked_ranges import Asked

    return Asked(skip or [], skip_time or [])


def found_in(log: EventLog, settings: Settings, asked: Asked) -> OffsetRanges:
    """The records that are meant, in the log as it is now; how far it has looked is shown."""
    from converters.show.command_line import progress
    from learners.registry.row_types import utc_now
    from stream.log.topics import topics_of
    from stream.quarantine.asked_ranges import resolved

    with progress("records of the log") as shown:
        return resolved(log, topics_of(settings), asked, utc_now(), shown)


def looked_at(
    log: EventLog, registry: Registry, read: tuple[Settings, Schema], held: OffsetRanges
) -> Found:
    """What these records hold; how far it has looked is shown."""
    from converters.show.command_line import progress
    from stream.quarantine.preview import preview_of

    with progress("records looked at") as shown:
        return preview_of(log, registry, read, held, shown)


def check_why(reason: str | None, *, preview: bool) -> str:
    """The reason, without which only a preview is given.

    Raises:
        UsageError: there is none.
    """
    from learners.registry.serving import check_reason

    if not preview:
        check_reason(reason or "")
    return reason or ""


def _show(found: Found, *, json: bool) -> None:
    if json:
        print_json(found.to_json())
        return
    sys.stdout.write(as_given("\n".join(found.lines())) + "\n")
    say("Nothing was changed.")
