"""``freshet demo``: its options and its result; :mod:`serve.demo.demo` plays it."""

from __future__ import annotations

from typing import Annotated

import typer

from converters.show.command_line import Json, print_json, say

# As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130

Events = Annotated[
    int | None, typer.Option("--events", min=1, help="Play the first N flights of 327,346.")
]
Leave = Annotated[
    bool, typer.Option("--exit", help="Exit when all is learned, instead of serving on.")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port to listen on: 8000, or any if that is taken."
    ),
]
Speed = Annotated[
    float,
    typer.Option(
        "--speed", min=0, help="Seconds of stream time played a second; 0: as fast as possible."
    ),
]


def demo(
    events: Events = None,
    leave: Leave = False,
    port: Port = None,
    speed: Speed = 175_000.0,
    json: Json = False,
) -> None:
    """Learn from a year of real flights while serving.

    Labels are produced when the flights land. The demo works in .freshet/demo under the working
    directory, which each run recreates. Ctrl-C ends it cleanly and prints the report; exit status
    130 if not everything was learned yet.
    """
    from threading import Event

    from serve.demo import demo as playing
    from stream.stopping import stopped_by_signals

    stop = Event()
    options = playing.DemoOptions(events, leave, port, speed)
    with stopped_by_signals(stop.set):
        outcome = playing.run(options, stop, say)
    if outcome.report is not None:
        say(playing.in_words(outcome.report))
        if json:
            print_json(outcome.report)
    if not outcome.complete:
        raise typer.Exit(INTERRUPTED)
