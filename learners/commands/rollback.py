"""The commands that go back: ``freshet rollback``, and ``freshet rollbacks``, which lists them."""

from __future__ import annotations

from typing import Annotated

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say
from learners.commands.versions import Reason, VersionNumber, registry_of


def rollback(
    version: VersionNumber,
    reason: Reason,
    learner: Annotated[
        str,
        typer.Option(
            "--learner",
            help="keep: the learner goes on unchanged. resume: it goes on with what the version "
            "had learned; positions, waiting events and counts stay.",
        ),
    ] = "keep",
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Serve another version at once, and keep it served.

    With --learner keep it is served until it is unpinned, or another is promoted. With --learner
    resume the learner makes a version of it and is followed again.
    """
    from learners.registry.actor import on_command_line
    from learners.versions.describe import pointers_json, served_words
    from learners.versions.way_back import MODES, roll_back, rollback_json, rollback_words

    mode = next((each for each in MODES if each == learner), None)
    if mode is None:
        raise UsageError(f"--learner {learner}: it is one of {', '.join(MODES)}.")
    read = read_config(config)
    with registry_of(read[0]) as registry:
        pointers = roll_back(registry, read, version, mode, reason, on_command_line())
        adoption = registry.adoptions.pending()
    asked = pointers.rollback
    if json:
        more = {} if asked is None else {"rollback": rollback_json(asked)}
        print_json(pointers_json(pointers, adoption) | more)
        return
    say(served_words(pointers, adoption))
    if asked is None:
        say("The learner keeps what it has learned: 'freshet unpin' serves that again.")
    else:
        say(rollback_words(asked))


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
    if json:
        print_json([rollback_json(each) for each in every])
    elif cancel is not None:
        say(rollback_words(every[0]))
    elif every:
        rollbacks_table(every)
    else:
        say("The learner was never rolled back.")
