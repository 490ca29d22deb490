"""``freshet serve`` and ``freshet up``: the HTTP server alone, and together with the learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from converters.errors import FreshetError
from converters.show.command_line import DEFAULT_CONFIG, Config, KafkaConfig, read_config, say
from serve.access.caller import SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from socket import socket

    from converters.config.settings import Settings
    from converters.schema.schema import Schema
    from serve.processes.child import Command

TICK_SECONDS = 0.2

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
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
) -> None:
    """Serve predictions and the dashboard over HTTP."""
    settings, schema = _checked(config, kafka_config)
    settings = listening_at(settings, host, port)
    from serve.processes.ports import admin_door, listening
    from serve.server.server import check, run
    from stream.logging import configure_logs

    configure_logs()
    own = settings.serve
    with listening(own.host, own.port) as listener, admin_door(own.admin, listener) as door:
        check(settings)
        say_addresses(settings, listener, door)
        listeners = [listener] if door is None else [listener, door]
        run(settings, schema, listeners, own.workers if workers is None else workers)


def listening_at(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with the address that options name; hosts are checked against it."""
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    return settings.model_copy(update={"serve": settings.serve.model_copy(update=given)})


def say_addresses(settings: Settings, listener: socket, door: socket | None) -> None:
    """Print where the server is, who can reach it there, and the page with the admin token."""
    from serve.access.credentials import Credentials
    from serve.processes.ports import address_of

    tls = settings.serve.tls_cert is not None
    address = address_of(listener, tls=tls)
    opened = [scope for scope in SCOPES if scope not in Credentials(settings).closed()]
    reach = _reach(listener, opened, tls=tls)
    say(f"Serving model '{settings.model}' at {address}. Ctrl-C stops cleanly.{reach}")
    if door is not None:
        address = address_of(door, tls=tls)
        say(f"The admin routes are at {address}.{_reach(door, [], tls=tls)}")
    say_admin_token(settings, address)


def _reach(listener: socket, opened: Sequence[str], *, tls: bool) -> str:
    """Sentences about callers from elsewhere; empty where none can reach the server."""
    from serve.processes.ports import every_address, from_elsewhere

    if not from_elsewhere(listener):
        return ""
    said = " It listens on all addresses of this machine." if every_address(listener) else ""
    if opened:
        said += (
            f" Warning: open to everybody who reaches it: {', '.join(opened)}. 'freshet token add "
            "NAME --scope SCOPE' closes a scope to callers without a token."
        )
    if not tls:
        said += (
            " Warning: this is plain HTTP, so that others can read what is sent, tokens included. "
            "Set serve.tls_cert and serve.tls_key, or have a proxy with TLS before it."
        )
    return said


def say_admin_token(settings: Settings, address: str) -> None:
    """Print the page's address with the admin token of this machine, made if there is none."""
    from serve.access import local_admin

    if settings.serve.admin_token is not None:
        _say_of_configured(len(local_admin.configured(settings)))
    if settings.serve.admin == "off":
        return
    try:
        token = local_admin.ensure(settings)
    except FreshetError as error:
        say(f"The admin routes are closed: there is no admin token. {error}")
        return
    if token is not None and not address.startswith("unix:"):
        # The part after # stays in the browser.
        say(f"The page with this machine's admin token: {address}/#token={token}")


def _checked(config: Path, kafka_config: Path | None) -> tuple[Settings, Schema]:
    """Read a config with which a server may start: not open where it names a file of tokens.

    Raises:
        ConfigError: there is no such file, and there never was.
    """
    settings, schema = read_config(config, kafka_config)
    from converters.config.load import ConfigError
    from serve.access.tokens import file_of

    path = settings.serve.tokens
    if path is not None and not path.exists() and not file_of(settings).was_here():
        raise ConfigError(
            f"serve.tokens: there is no file {path}. Make it with 'freshet token add NAME --scope "
            "SCOPE'; or remove the key, if no token but an admin's is to be needed."
        )
    return settings, schema


def _say_of_configured(length: int) -> None:
    """Warn of a configured admin token that is none, or that can be guessed."""
    from serve.access.local_admin import SHORTEST

    name = "FRESHET_SERVE__ADMIN_TOKEN (serve.admin_token)"
    if not length:
        say(f"Warning: {name} is empty, which counts as not set.")
    elif length < SHORTEST:
        say(
            f"Warning: {name} has {length} characters and could be guessed. Use {SHORTEST} or "
            "more, for example of 'openssl rand -hex 32'."
        )


def up(
    host: Host = None,
    port: Port = None,
    config: Config = DEFAULT_CONFIG,
    kafka_config: KafkaConfig = None,
) -> None:
    """Run learner and server together until Ctrl-C.

    Either is restarted when it dies, and the server also when it does not answer any more. A
    learner that refuses an edited config leaves the server running, and waits for another, and so
    does a server.
    """
    from contextlib import closing

    from converters.config.load import load
    from serve.processes.child import freshet
    from serve.processes.config_watch import ConfigWatch, ServersConfig
    from serve.processes.liveness import Probe
    from serve.processes.ports import ANY_HOST

    settings, _ = _checked(config, kafka_config)
    host = settings.serve.host if host is None else host
    port = _free_port(host, settings.serve.port if port is None else port, settings.serve.admin)
    probe = Probe(ANY_HOST.get(host, host), port, tls=settings.serve.tls_cert is not None)
    configs = _config_options(config, kafka_config)
    server = freshet("server", "serve", "--host", host, "--port", str(port), *configs)
    learner = freshet("learner", "learn", *configs)
    files = [path for path in (config, kafka_config) if path]
    with closing(ConfigWatch(files, lambda: load(config, kafka_config), settings)) as watch:
        server = server.probed(probe).reading(ServersConfig(watch))
        _keep_running(learner.reading(watch), server)


def _keep_running(*commands: Command) -> None:
    """Run these until this process is asked to stop."""
    from contextlib import closing
    from functools import partial
    from threading import Event

    from serve.processes.supervisor import Supervisor
    from stream.logging import Detached
    from stream.stopping import stopped_by_signals

    stop = Event()
    # A terminal that is paused must not keep children from being restarted.
    output = Detached()

    def tell(text: str) -> None:
        output.write(f"{text}\n")

    supervisor = Supervisor(commands, partial(relay, tell), tell, lines_shown=True)
    with closing(output), stopped_by_signals(stop.set), supervisor.running():
        while not stop.is_set():
            supervisor.tend()
            stop.wait(TICK_SECONDS)


def _config_options(config: Path, kafka_config: Path | None) -> list[str]:
    """The options of a child that reads the same config."""
    given = {"--config": config, "--kafka-config": kafka_config}
    return [part for name, path in given.items() if path for part in (name, str(path))]


def _free_port(host: str, port: int, admin: str) -> int:
    """The port, or one for 0, where the server can take both of its addresses now."""
    from serve.processes.ports import admin_door, listening

    with listening(host, port) as listener, admin_door(admin, listener):
        return int(listener.getsockname()[1])


def relay(tell: Callable[[str], object], name: str, line: str) -> None:
    """Print a child's line under its name; a record, as the access log has them, stays JSON."""
    from serve.processes.child import is_record

    tell(line if is_record(line) else f"{name}: {line}")
