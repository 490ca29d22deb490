"""Who changes what is served, for the ledger: a name, and which user's process on which host.

The ledger keeps the name as ``actor`` and the rest as ``by`` in ``detail``. Entries of older
releases have all of it in ``actor``.
"""

from __future__ import annotations

import getpass
import os
import socket
from typing import NamedTuple

from learners.registry.row_types import Json


class Actor(NamedTuple):
    """Who changes what is served.

    Attributes:
        name: as tables print it.
        by: ``kind`` (``command line``, ``http``, ``server`` or ``learner``), ``host``, ``user`` and
            ``pid``; over HTTP also ``token``, the name of it, and ``peer``, the address.
    """

    name: str
    by: Json


def on_command_line() -> Actor:
    """The user of this command."""
    by = _here("command line")
    return Actor(f"{by['user']}@{by['host']}", by)


def over_http(token: str, peer: str) -> Actor:
    """A caller of this server."""
    return Actor(token, _here("http") | {"token": token, "peer": peer})


def this_server() -> Actor:
    """This server by itself."""
    by = _here("server")
    return Actor(f"server {by['host']}, process {by['pid']}", by)


def this_learner() -> Actor:
    """This learner by itself."""
    by = _here("learner")
    return Actor(f"{by['user']}@{by['host']}, process {by['pid']}", by)


def _here(kind: str) -> Json:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = str(os.getuid())
    return {"kind": kind, "host": socket.gethostname(), "user": user, "pid": os.getpid()}
