"""The commands that go back: ``freshet rollback``, and ``freshet rollbacks``, which lists them.

A replay reads the log again: what it leaves out, and whether all else is there, is looked up first.
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
from learners.commands.versions import VersionNumber, registry_of
from stream.commands.quarantine import (
    MaybeReason,
    Preview,
    Skip,
    SkipTime,
    asked_of,
    check_why,
    found_in,
)

if TYPE_CHECKING:
    from learners.registry import Registry
    from learners.registry.requests.rollback import Replay
    from learners.registry.row_types import Pointers
    from learners.versions.way_back import LearnerMode
    from stream.log.contract import EventLog
    from stream.quarantine.asked_ranges import Asked
    from stream.quarantine.replay import Config as Read
    from stream.quarantine.replay_corrections import Taken


Learner = Annotated[
    str,
    typer.Option(
        "--learner",
        help="keep: the learner goes on unchanged. resume: it goes on with what the version had "
        "learned; positions, waiting events and counts stay. replay: all goes back to the version, "
        "and the log is read again without what is in quarantine.",
    ),
]
Instead = Annotated[
    bool,
    typer.Option(
        "--instead",
        help="Of a replay: end and undo the last one; what it put into quarantine is released.",
    ),
]


def rollback(
    version: VersionNumber,
    reason: MaybeReason = None,
    learner: Learner = "keep",
    skip: Skip = None,
    skip_time: SkipTime = None,
    instead: Instead = False,
    preview: Preview = False,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
    json: Json = False,
) -> None:
    """Serve another version at once, and keep it served.

    With --learner keep it is served until it is unpinned, or another is promoted. With --learner
    resume the learner makes a version of it and is followed again; with --learner replay it is once
    it has read the log again as far as it had come.
    """
    from learners.registry.actor import on_command_line
    from learners.versions.way_back import roll_back

    mode, asked = _mode(learner), asked_of(skip, skip_time)
    if mode != "replay":
        _check_no_replay(asked, instead=instead, preview=preview)
    why, read = check_why(reason, preview=preview), read_config(config, kafka_config)
    with registry_of(read[0]) as registry:
        if mode == "replay":
            how = None if preview else why
            _replay((registry, read, version), asked, how, instead=instead, json=json)
        else:
            moved = roll_back(registry, read, version, mode, why, on_command_line())
            _tell(registry, moved, json=json)


def _replay(
    what: tuple[Registry, Read, int], asked: Asked, why: str | None, *, instead: bool, json: bool
) -> None:
    """Ask for a replay; without a reason only say what it would be."""
    from learners.registry.actor import on_command_line
    from learners.registry.requests.rollback import Replay
    from learners.registry.requests.rollback import Skip as Left
    from stream.open_log import opened_log
    from stream.quarantine.config_check import changed_config, waiting_words
    from stream.quarantine.replay import replay, tried
    from stream.quarantine.replay_corrections import taken_by

    registry, read, version = what
    with opened_log(read[0]) as log:
        left = Left(asked.to_json(), found_in(log, read[0], asked)) if asked else None
        how = Replay(left, instead)
        if why is None:
            _show(log, *what, how, json=json)
        else:
            # Looked up first: what fails here fails before anything was asked for.
            taken = taken_by(log, registry, read, version, tried(log, *what, how))
            changed = changed_config(registry, read)
            moved = replay(log, *what, how, (on_command_line(), why))
            _tell(registry, moved, taken, json=json)
            found = moved.rollback
            if changed and found is not None and found.under_way:
                cancel = f"'freshet rollbacks --cancel {found.number} --reason TEXT'"
                say(waiting_words(changed, cancel))


def _mode(learner: str) -> LearnerMode:
    from learners.versions.way_back import MODES

    mode = next((each for each in MODES if each == learner), None)
    if mode is None:
        raise UsageError(f"--learner {learner}: it is one of {', '.join(MODES)}.")
    return mode


def _check_no_replay(asked: Asked, *, instead: bool, preview: bool) -> None:
    """Refuse what only a replay can do."""
    if asked:
        raise UsageError(
            "--skip and --skip-time are left out where the log is read again, with --learner "
            "replay. To put records into quarantine and change nothing else: 'freshet quarantine "
            "add'."
        )
    if instead or preview:
        name = "--instead" if instead else "--preview"
        raise UsageError(f"{name} is about a replay: give --learner replay too.")


def _show(
    log: EventLog, registry: Registry, read: Read, version: int, how: Replay, *, json: bool
) -> None:
    """What a replay would leave out, and whether there can be one; status 1 if not."""
    from converters.show.command_line import progress
    from stream.quarantine.preview import preview_of_replay

    with progress("records looked at") as shown:
        found = preview_of_replay(log, registry, read, (version, how), shown)
    if json:
        print_json(found.to_json())
    else:
        sys.stdout.write(as_given("\n".join(found.lines())) + "\n")
        say("Nothing was changed.")
    if found.trouble:
        raise typer.Exit(1)


def _tell(
    registry: Registry, pointers: Pointers, taken: Taken | None = None, *, json: bool
) -> None:
    """What is served, and what the learner is to do; under a replay with which corrected rows."""
    from learners.versions.describe import pointers_json, served_words
    from learners.versions.way_back import rollback_json, rollback_words
    from stream.quarantine.listing import quarantine_json, quarantine_words

    adoption, asked = registry.adoptions.pending(), pointers.rollback
    number = asked and asked.quarantine
    added = None if number is None else registry.quarantines.find(number)
    if json:
        more = {} if asked is None else {"rollback": rollback_json(asked)}
        more |= {} if added is None else {"quarantine": quarantine_json(added)}
        more |= {} if taken is None else {"corrected": taken.to_json()}
        print_json(pointers_json(pointers, adoption) | more)
        return
    say(served_words(pointers, adoption))
    if added is not None:
        say(quarantine_words(added))
    if asked is None:
        say("The learner keeps what it has learned: 'freshet unpin' serves that again.")
        return
    say(rollback_words(asked))
    if taken is not None and taken.words:
        say(taken.words)
    if asked.learner == "replay" and asked.under_way:
        say("'freshet status' shows how far it has come.")


def rollbacks(
    cancel: Annotated[
        int | None,
        typer.Option("--cancel", help="Cancel this one, which the learner has not begun."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why it is cancelled; kept in the ledger.")
    ] = None,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """List the rollbacks of the learner, or cancel one."""
    from learners.registry.actor import on_command_line
    from learners.versions.describe import rollbacks_table
    from learners.versions.way_back import rollback_json, rollback_words

    if (cancel is None) != (reason is None):
        raise UsageError("--cancel NUMBER and --reason TEXT belong together.")
    with registry_of(read_config(config)[0]) as registry:
        if cancel is not None and reason is not None:
            every = [registry.rollbacks.cancel(cancel, reason, on_command_line())]
        else:
            every = registry.rollbacks.all()
        status = registry.writer.status()
    if json:
        print_json([rollback_json(each, status) for each in every])
    elif cancel is not None:
        say(rollback_words(every[0]))
        if every[0].quarantine is not None:
            say(
                f"Quarantine {every[0].quarantine}, which came with it, stays: 'freshet quarantine "
                f"remove {every[0].quarantine} --reason TEXT' ends it."
            )
    elif every:
        rollbacks_table(every)
    else:
        say("The learner was never rolled back.")
