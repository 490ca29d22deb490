"""Which TCP port a server that is about to be started can have."""

from __future__ import annotations

import errno
import socket
from contextlib import closing

from converters.errors import FreshetError


class PortError(FreshetError):
    """A server cannot listen where it was told to."""


def free_port(host: str, port: int) -> int:
    """This port, or one that is free where it is 0.

    Raises:
        PortError: another program listens there, or this machine does not have the address.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as listener:
            # As servers do, so that a port whose last connections linger counts as free.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            return int(listener.getsockname()[1])
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "another program listens there" if taken else error.strerror or str(error)
        raise PortError(
            f"Cannot listen on {host}, port {port}: {why}. Name another with --port, "
            "or 0 for any that is free."
        ) from None


def free_port_near(host: str, port: int) -> int:
    """This port, or any other if it is taken."""
    try:
        return free_port(host, port)
    except PortError:
        return free_port(host, 0)
