"""``freshet token``: the named tokens that callers of the HTTP server send.

No server is restarted: when a command ends, each has seen the change or will before it answers the
next request. A token is printed once, on standard output alone, so that a shell can take it:
``TOKEN=$(freshet token add ci --scope score)``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from time import sleep
from typing import TYPE_CHECKING, Annotated, Any

import typer

from converters.errors import UsageError
from converters.show.command_line import DEFAULT_CONFIG, Config, Json, print_json, read_config, say
from serve.access.caller import SCOPES

if TYPE_CHECKING:
    from pathlib import Path

    from serve.access.tokens import Token, TokenFile, Tokens

app = typer.Typer(
    help="Add, list, revoke, rotate and forget tokens of the HTTP server.\n\n"
    f"A scope is a group of routes: {', '.join(SCOPES)}; admin includes the others. Each but "
    "admin is open to everybody until its first token is made, which closes it to all without one.",
    short_help="Manage the tokens of the HTTP server.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.", show_default=False)]
Expires = Annotated[
    str | None,
    typer.Option(
        "--expires",
        metavar="WHEN",
        help="Its end: 90s, 12h, 30d, a time in ISO 8601, or never. Without it, add makes a token "
        "that never expires, and rotate leaves the end as it is.",
        show_default=False,
    ),
]

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
NEVER = "never"


@app.command()
def add(
    name: Name,
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help=f"What it allows: {', '.join(SCOPES)}. May be given several times.",
        ),
    ],
    expires: Expires = None,
    new_list: Annotated[
        bool, typer.Option("--new-list", help="Begin a new list in place of one that is gone.")
    ] = False,
    config: Config = DEFAULT_CONFIG,
    json: Json = False,
) -> None:
    """Make a token, and print it once."""
    file = _file(config)
    token, text = file.add(name, scope, _moment(expires), new_list=new_list)
    others = [each for each in file.read().tokens if each.name != name]
    closed = frozenset(scope for each in others for scope in each.scopes)
    _wait_for_servers()
    _print_secret(file, token, text, json=json)
    say(
        f"Token '{name}' of {_scopes(token.scopes)} was added to {file.path}{_until(token)}. Keep "
        "it: it is not shown again."
    )
    if new_list:
        opened = ", ".join(each for each in SCOPES if each not in (*token.scopes, "admin"))
        say(
            f"Warning: the tokens of the lost list are no longer accepted, and the scopes that "
            f"they closed are open to everybody again, of {opened or 'none'}. Close them with "
            "'freshet token add'."
        )
    for each in (scope for scope in token.scopes if scope not in closed):
        if each == "admin":
            say("It replaces the token in admin.token, which is no longer accepted.")
        else:
            say(f"The scope {each} was open, and now needs a token from everybody.")


@app.command("list")
def list_(config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """List the tokens, without their secrets."""
    from converters.show.tables import Table, print_table

    file = _file(config)
    tokens = file.read()
    shown = [_shown(file, token) for token in tokens.tokens]
    if json:
        print_json(shown)
    elif shown:
        header = ("name", "scopes", "state", "created", "expires")
        rows = [
            [
                *(each["name"], " ".join(each["scopes"]), each["state"]),
                *(each["created"], each["expires"] or NEVER),
            ]
            for each in shown
        ]
        print_table(Table("Tokens", header, [False] * len(header), rows), sys.stdout)
    else:
        say(f"There is no token in {file.path}.")
    _say_scopes(file, tokens)


@app.command()
def revoke(name: Name, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """Make a token unusable at once; its scopes stay closed."""
    file = _file(config)
    token = file.revoke(name)
    _wait_for_servers()
    say(f"Token '{name}' of {file.path} is revoked.")
    _say_closed(file.read(), token)
    if json:
        print_json(_shown(file, token))


@app.command()
def rotate(
    name: Name, expires: Expires = None, config: Config = DEFAULT_CONFIG, json: Json = False
) -> None:
    """Give a token a new secret, and print it once.

    The old secret is invalid at once. To change without a gap, add a second token, and revoke the
    first one when nothing sends it any more.
    """
    file = _file(config)
    token, text = file.rotate(name, _moment(expires), forever=expires == NEVER)
    _wait_for_servers()
    _print_secret(file, token, text, json=json)
    say(
        f"Token '{name}' of {file.path} has a new secret{_until(token)}; the old one is no longer "
        "accepted."
    )


@app.command()
def forget(name: Name, config: Config = DEFAULT_CONFIG, json: Json = False) -> None:
    """Drop a revoked or expired token.

    A scope opens to everybody when its last token is forgotten.
    """
    file = _file(config)
    token = file.forget(name)
    _wait_for_servers()
    say(f"Token '{name}' of {file.path} is forgotten.")
    closed = file.read().closed()
    for scope in (each for each in token.scopes if each not in closed and each != "admin"):
        say(f"No token of the scope {scope} is left: it is open to everybody again.")
    if json:
        print_json(_shown(file, token))


def _file(config: Path) -> TokenFile:
    """The file of tokens that a config names."""
    settings, _ = read_config(config)
    from serve.access.tokens import file_of

    return file_of(settings)


def _wait_for_servers() -> None:
    """Wait as long as a server that has just looked at the file waits before it looks again."""
    from serve.access.credentials import LOOK_SECONDS

    sleep(LOOK_SECONDS)


def _moment(expires: str | None) -> datetime | None:
    """The end of a token's life; None for never."""
    if expires is None or expires == NEVER:
        return None
    from converters.show.asked_times import NotATimeError, asked_moment

    now = datetime.now(UTC)
    try:
        if found := re.fullmatch(rf"([0-9]{{1,6}})([{''.join(UNITS)}])", expires):
            moment = now + timedelta(**{UNITS[found[2]]: int(found[1])})
        else:
            moment = asked_moment(expires, now)
    except (NotATimeError, OverflowError) as error:
        two = f" ({error})" if "another time" in str(error) else ""
        raise UsageError(
            f"--expires {expires!r} is not a time: write 12h, 30d, a time in ISO 8601 such as "
            f"2027-01-31T00:00:00Z, or never.{two}"
        ) from None
    if moment <= now:
        raise UsageError(f"--expires {expires!r} is in the past: such a token could not be used.")
    return moment


def _shown(file: TokenFile, token: Token) -> dict[str, Any]:
    """A token as lists show it, and the file that it is in."""
    from learners.registry.row_types import iso, utc_now

    moments = {name: getattr(token, name) for name in ("created", "expires", "revoked")}
    return {
        "name": token.name,
        "id": token.id,
        "scopes": list(token.scopes),
        "state": token.state(utc_now()),
        **{name: None if moment is None else iso(moment) for name, moment in moments.items()},
        "file": str(file.path),
    }


def _print_secret(file: TokenFile, token: Token, text: str, *, json: bool) -> None:
    if json:
        print_json({**_shown(file, token), "token": text})
    else:
        sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _say_scopes(file: TokenFile, tokens: Tokens) -> None:
    """Which scopes need a token."""
    closed = tokens.closed() | {"admin"}
    opened = [each for each in SCOPES if each not in closed]
    say(
        f"By {file.path}, a token is needed for {_scopes(closed)}; open to everybody: "
        f"{', '.join(opened) or 'none'}."
    )


def _say_closed(tokens: Tokens, revoked: Token) -> None:
    """What a revoked token leaves without a token that can be used."""
    from learners.registry.row_types import utc_now

    usable = tokens.usable(utc_now())
    for scope in (each for each in revoked.scopes if each not in usable):
        if scope == "admin":
            say(
                "No other named admin token can be used: the one in admin.token counts. 'freshet "
                "serve' makes it at its next start if there is none."
            )
        else:
            say(
                f"No token of the scope {scope} can be used: it stays closed to all but admins. "
                "Add one; or open it to everybody by forgetting its tokens with 'freshet token "
                f"forget {revoked.name}'."
            )


def _until(token: Token) -> str:
    from learners.registry.row_types import iso

    return "" if token.expires is None else f", until {iso(token.expires)}"


def _scopes(scopes: Iterable[str]) -> str:
    names = [each for each in SCOPES if each in scopes]
    return f"scope {names[0]}" if len(names) == 1 else f"scopes {', '.join(names)}"
