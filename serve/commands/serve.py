"""``freshet serve``: the command of the HTTP server.

Thin: reads the config, takes the port, says where it listens, and lets :mod:`serve.server.server`
run.
"""

from __future__ import annotations

from typing import Annotated

import typer

from converters.show.command_line import DEFAULT_CONFIG, Config, read_config, say

Host = Annotated[
    str | None, typer.Option("--host", help="Address to listen on.", show_default="serve.host")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port; 0 finds a free one.", show_default="serve.port"
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=64, help="Processes.", show_default="serve.workers"),
]


def serve(
    host: Host = None, port: Port = None, workers: Workers = None, config: Config = DEFAULT_CONFIG
) -> None:
    """Serve predictions, versions and the page over HTTP, always from the version to be served."""
    settings, schema = read_config(config)
    from serve.server.server import address_of, listening, run
    from stream.logging import configure_logs

    configure_logs()
    listener = listening(
        settings.serve.host if host is None else host,
        settings.serve.port if port is None else port,
    )
    with listener:
        say(f"Serving model '{settings.model}' at {address_of(listener)}. Ctrl-C stops cleanly.")
        run(settings, schema, listener, settings.serve.workers if workers is None else workers)
