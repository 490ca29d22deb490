"""The commands that run several processes: up and demo.

Thin: each reads what it is given, calls the module beside it, and prints.
"""

from __future__ import annotations

from typing import Annotated

import typer

from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say

TICK_SECONDS = 0.2
# As a shell says it of a program that ended by Ctrl-C.
INTERRUPTED = 130


Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one."),
]
Events = Annotated[
    int | None, typer.Option("--events", min=1, help="Play the first N flights of 327,346.")
]
Leave = Annotated[
    bool, typer.Option("--exit", help="End when all is learned, instead of serving on.")
]
DemoPort = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port to listen on: 8000, or any if that is taken."
    ),
]
Speed = Annotated[
    float,
    typer.Option("--speed", min=0, help="Seconds of the stream a second; 0: as fast as it goes."),
]


def up(host: Host = None, port: Port = None, config: Config = DEFAULT_CONFIG) -> None:
    """Run learner and server together, each started again when it dies; until Ctrl-C."""
    from threading import Event

    from serve.processes.child import freshet
    from serve.processes.ports import free_port
    from serve.processes.supervisor import Supervisor
    from stream.process import stopped_by_signals

    settings, _ = read_config(config)
    host = settings.serve.host if host is None else host
    port = free_port(host, settings.serve.port if port is None else port)
    commands = [
        freshet("learner", "learn", "--config", str(config)),
        freshet("server", "serve", "--host", host, "--port", str(port), "--config", str(config)),
    ]
    stop = Event()
    with (
        stopped_by_signals(stop.set),
        Supervisor(commands, lambda name, line: say(f"{name}: {line}"), say) as supervisor,
    ):
        while not stop.is_set():
            supervisor.tend()
            stop.wait(TICK_SECONDS)


def demo(
    events: Events = None,
    leave: Leave = False,
    port: DemoPort = None,
    speed: Speed = 175_000.0,
    json: Json = False,
) -> None:
    """Play a year of real flights: learn while it is served, labels at their landing.

    Works in .freshet/demo under the working directory, made afresh for each run. Ctrl-C ends it
    cleanly, with the report of what was learned and exit status 130 if that was not yet all.
    """
    from threading import Event

    from serve.demo import demo as playing
    from stream.process import stopped_by_signals

    stop = Event()
    options = playing.DemoOptions(events, leave, port, speed)
    with stopped_by_signals(stop.set):
        outcome = playing.run(options, stop, say)
    if outcome.report is not None:
        say(playing.told(outcome.report))
        if json:
            print_json(outcome.report)
    if not outcome.complete:
        raise typer.Exit(INTERRUPTED)
