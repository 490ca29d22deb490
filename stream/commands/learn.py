"""The commands ``produce``, ``learn`` and ``backfill``.

Each reads the config, calls what does the work, and prints.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from converters.config.shown_url import shown_url
from converters.errors import UsageError
from converters.show.command_line import (
    DEFAULT_CONFIG,
    Config,
    Json,
    KafkaConfig,
    print_json,
    read_config,
    say,
)
from learners.commands.versions import Follow, Force, LeaveWaiting, promote_version
from stream.commands import run_end
from stream.commands.run_end import MaxExpired, MaxRejected
from stream.stopping import stopped_by_signals

if TYPE_CHECKING:
    from converters.config.settings import Settings
    from learners.versions.promotion import Asked
    from stream.learner.process import LearnerProcess
    from stream.produce.file_records import Formed, History, HistoryOptions
    from stream.produce.producer import Producer

LabelDelay = Annotated[
    float | None, typer.Option("--label-delay", help="Seconds from an event to its label.")
]
LabelTime = Annotated[
    str | None, typer.Option("--label-time", help="Column that says when the label was known.")
]
ScoreAhead = Annotated[
    float, typer.Option("--score-ahead", help="Seconds ahead of its time an event is scored.")
]
RowsPerMessage = Annotated[
    int, typer.Option("--rows-per-message", min=1, max=100_000, help="Most rows in one record.")
]
SendBehind = Annotated[
    bool, typer.Option("--behind", help="Send rows though the topics have much newer ones.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="With 'log': from its start, without the journal.")
]
ScoresFile = Annotated[
    typer.FileTextWrite | None,
    typer.Option("--scores", help="Write each row's score as CSV, as 'scores' prints them."),
]
Promote = Annotated[
    bool, typer.Option("--promote", help="Serve the candidate when it is done, if it is no worse.")
]
UntilEnd = Annotated[
    bool, typer.Option("--until-end", help="Stop at the log's current end, and report.")
]
Profile = Annotated[
    bool, typer.Option("--profile", help="Tell the processor time of each stage at the end.")
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="With --promote: why; kept in the ledger.")
]


def produce(
    csv: Annotated[str, typer.Argument(help="CSV file with a header, or - for standard input.")],
    rate: Annotated[float | None, typer.Option("--rate", help="Rows a second.")] = None,
    rows_per_message: RowsPerMessage = 50,
    label_delay: LabelDelay = None,
    label_time: LabelTime = None,
    score_ahead: ScoreAhead = 0.0,
    behind: SendBehind = False,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Send rows and late labels to their topics."""
    from converters.files.csv_file import open_csv
    from converters.show.command_line import progress
    from stream.checkpoints.written_schemas import schema_of_file
    from stream.log.topics import create_topics
    from stream.open_log import opened_log
    from stream.produce.file_records import History, warn_of_times
    from stream.produce.producer import Pace, Producer, errors_with_progress

    _check_rate(rate)
    settings, schema = read_config(config, kafka_config)
    options = _options(rows_per_message, label_delay, label_time, score_ahead)
    with opened_log(settings, create=True) as event_log, open_csv(csv, settings.csv) as file:
        history = History(file, schema_of_file(settings, schema, file.header), options)
        partitions = settings.topics.partitions
        producer = Producer(event_log, create_topics(event_log, settings), partitions)
        window = settings.duplicates.window
        give_up = partial(_give_up_producing, producer, history, window)
        stopped = stopped_by_signals(lambda: setattr(producer, "stopping", True), give_up)
        shows = progress("rows sent", file.size, file.tell)
        with stopped, shows as shown, errors_with_progress(producer, history, window):
            records = _not_behind(producer, history, options, (csv, settings), allowed=behind)
            produced = producer.send(records, Pace(rate=rate), lambda p: shown(p.rows))
    warn_of_times(history, settings)
    say(f"{produced.words} sent to {shown_url(settings.log)}.")
    if json:
        print_json({"rows": produced.rows, "labels": produced.labels, "records": produced.records})


def _check_rate(rate: float | None) -> None:
    if rate is not None and rate <= 0:
        raise UsageError(f"--rate {rate}: rows a second must be more than 0.")


def _not_behind(
    producer: Producer,
    history: History,
    options: HistoryOptions,
    source: tuple[str, Settings],
    *,
    allowed: bool,
) -> Iterator[Formed]:
    """The records; refused if they come too far behind what the topics hold, unless allowed."""
    from stream.produce.behind import behind, first_time

    csv, settings = source
    first, records = first_time(history.records())
    if not history.may_wait:
        return records
    found = behind(producer.log, producer.topics, first, settings.late_labels.wait)
    if found is not None and history.rows_wait and not allowed:
        again = shlex.join((csv, *options.given()))
        commands = (
            f"freshet backfill {again} --promote --follow",
            f"freshet produce {again} --behind",
        )
        raise found.refused(history.name, *commands)
    if found is not None:
        found.warn(history.name)
    return records


def _give_up_producing(producer: Producer, history: History, window: int, what: str) -> int:
    """Say how far a producer came that is asked to stop and does not wait any longer."""
    sent = producer.produced
    rest = history.rest(sent.rows, sent.time, window)
    say(
        f"{sent.words} were sent. Stopped without waiting for "
        f"{what}, which does not answer: whether it has taken the next {len(producer.unsent):,} "
        f"records is not known. {rest}"
    )
    return 1


def learn(
    until_end: UntilEnd = False,
    profile: Profile = False,
    max_rejected: MaxRejected = None,
    max_expired: MaxExpired = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Learn from the stream: score, measure, train, save."""
    from converters.show.command_line import progress
    from stream import stages
    from stream.logging import configure_logs
    from stream.reading.batch_source import Readers

    allowed = run_end.allowed(max_rejected, max_expired, until_end=until_end)
    configure_logs()
    settings, schema = read_config(config, kafka_config)
    with stages.profiled(wanted=profile) as clock, closing(Readers(settings)) as readers:
        readers.get_ready()
        # Imported late: the reader process starts while this one imports the learner.
        from stream.learner.process import assembled
        from stream.resolved_config import resolve

        with assembled(resolve(settings, schema), readers) as process:
            give_up = partial(_give_up_learning, process, json=json)
            with stopped_by_signals(process.stop, give_up), progress("events") as shown:
                where = shown_url(settings.log)
                say(f"Learning model '{settings.model}' from {where}. Ctrl-C stops cleanly.")
                report = process.run(
                    lambda _, learning: shown(learning.pipeline.counts.events),
                    until_end=until_end,
                )
                if process.stopping:
                    process.disconnect()
        if clock is not None:
            report["profile"] = clock.report(report["events_this_run"])
    failure = run_end.tell(report, allowed, run_end.DEAD_LETTERS, json=json)
    if failure is not None and until_end:
        raise failure.of_learning()


def _give_up_learning(process: LearnerProcess, what: str, *, json: bool) -> int:
    """Say that a learner which is asked to stop does not wait any longer."""
    from stream.stopping import REGISTRY

    say(
        f"Stopped without waiting for {what}, which does not answer. Nothing is lost: the next "
        "start resumes from the last checkpoint."
    )
    if what == REGISTRY:  # neither a last checkpoint nor a report can be had
        return 1
    everything = run_end.Allowed(1.0, 1.0)
    run_end.tell(process.saved_report(), everything, run_end.DEAD_LETTERS, json=json)
    return 0


def backfill(
    source: Annotated[str, typer.Argument(help="A CSV file, or 'log' for the topic.")],
    label_delay: LabelDelay = None,
    label_time: LabelTime = None,
    score_ahead: ScoreAhead = 0.0,
    rows_per_message: RowsPerMessage = 50,
    fresh: Fresh = False,
    scores: ScoresFile = None,
    promote: Promote = False,
    reason: Reason = None,
    force: Force = False,
    follow: Follow = False,
    leave_waiting: LeaveWaiting = False,
    max_rejected: MaxRejected = None,
    max_expired: MaxExpired = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Replay history into a new candidate version."""
    from stream.backfill.backfill import run
    from stream.logging import configure_logs
    from stream.resolved_config import resolve

    configure_logs()
    allowed = run_end.allowed(max_rejected, max_expired)
    settings, schema = read_config(config, kafka_config)
    options = _options(rows_per_message, label_delay, label_time, score_ahead)
    _check_source(source, options, fresh=fresh)
    _check_scores(scores, {"the CSV file": source, "--config": str(config)})
    asked = _promotion(promote, reason, force, follow, leave_waiting)
    report = run(resolve(settings, schema), source, options, fresh=fresh, scores=scores)
    failure = run_end.tell(report, allowed, run_end.where_listed(source, fresh=fresh), json=json)
    if failure is not None and not force:
        raise failure.of_backfill(report["version"])
    _say_what_next(report["version"], json=json, is_promoted=promote)
    if asked is not None:
        asked = replace(asked, objections=(failure.what,) if failure else ())
        promote_version((settings, schema), report["version"], reason or BY_ITSELF, asked)


def _check_scores(scores: typer.FileTextWrite | None, read: dict[str, str]) -> None:
    if scores:
        from converters.files.output import check_apart

        check_apart(read, {"--scores": scores.name})


def _say_what_next(version: int, *, json: bool, is_promoted: bool) -> None:
    if json:
        return
    say(f"See its figures with: freshet report --version {version}")
    if not is_promoted:
        say(f"Serve it with: freshet promote {version} --reason TEXT")


# The reason of a promotion that was asked for without one.
BY_ITSELF = "backfill --promote"


def _promotion(promote: bool, reason: str | None, *options: bool) -> Asked | None:
    """What is asked for with ``--promote``; the options as :class:`Asked` has them."""
    from learners.versions.promotion import Asked

    if promote:
        force, follow, leave_waiting = options
        return Asked(force, follow, leave_waiting)
    if reason is not None or any(options):
        raise UsageError("--reason, --force, --follow and --leave-waiting go with --promote.")
    return None


def _options(
    rows_per_message: int, label_delay: float | None, label_time: str | None, score_ahead: float
) -> HistoryOptions:
    from stream.produce.file_records import HistoryOptions

    if label_delay is not None and label_time is not None:
        raise UsageError("--label-delay and --label-time contradict each other; give one.")
    if (label_delay or 0) < 0 or score_ahead < 0:
        raise UsageError("--label-delay and --score-ahead are seconds from 0 up.")
    return HistoryOptions(rows_per_message, label_delay, label_time, score_ahead)


def _check_source(source: str, options: HistoryOptions, *, fresh: bool) -> None:
    if source == "log" and (options.late or options.score_ahead):
        raise UsageError("--label-delay, --label-time and --score-ahead are for files, not 'log'.")
    if source != "log" and fresh:
        raise UsageError("--fresh is for 'log'; a file is always read in its own order.")
