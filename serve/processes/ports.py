"""The address that a server listens on: taken, looked for, or spelt as a URL."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from converters.errors import FreshetError, UsageError

# Connections that wait to be accepted; the system may allow fewer.
BACKLOG = 2048
UNIX = "unix:"
ANY_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # and how this machine reaches it


class PortError(FreshetError):
    """A server cannot listen on the address it was given."""


class SameAddressError(UsageError):
    """The admin routes are to be at the very address of the other routes."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """How to choose an address: what messages say after "Name an address" and "a port"."""

    host: str
    port: str


SERVER = Chosen("with --host or serve.host", "with --port")
ADMIN = Chosen("in serve.admin (HOST:PORT)", "in serve.admin (HOST:PORT)")


def listening(host: str, port: int, chosen: Chosen = SERVER) -> socket.socket:
    """A socket that listens; connections wait in it until the application accepts them.

    Args:
        host: the name or address.
        port: 0 takes a free one.
        chosen: how the user says which, for messages.

    Raises:
        PortError: the port is taken, or the address cannot be used.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise PortError(
            f"There is no address {host!r} to listen on ({error.strerror or error}). Name one of "
            f"this machine {chosen.host}: 127.0.0.1 for itself, 0.0.0.0 for all."
        ) from None
    try:
        # So that a port whose last connections linger counts as free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortError(f"Cannot listen on {host}, port {port}: {_why(error, chosen)}") from None
    listener.set_inheritable(True)
    return listener


def free_port(host: str, port: int) -> int:
    """This port, or one that is free where it is 0.

    Raises:
        PortError: the port is taken, or the address cannot be used.
    """
    with listening(host, port) as listener:
        return int(listener.getsockname()[1])


def free_port_near(host: str, port: int) -> int:
    """This port, or any other if it is taken."""
    try:
        return free_port(host, port)
    except PortError:
        return free_port(host, 0)


def address_of(listener: socket.socket, *, tls: bool = False) -> str:
    """The URL at which this machine reaches a listening socket."""
    if listener.family == socket.AF_UNIX:
        return f"{UNIX}{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    host = ANY_HOST.get(host, host)
    scheme = "https" if tls else "http"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def every_address(listener: socket.socket) -> bool:
    """Whether a socket listens on all addresses of this machine."""
    return listener.family != socket.AF_UNIX and listener.getsockname()[0] in ANY_HOST


def from_elsewhere(listener: socket.socket) -> bool:
    """Whether other machines may reach a socket."""
    if listener.family == socket.AF_UNIX:
        return False
    return not ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


@contextmanager
def admin_door(where: str, beside: socket.socket | None = None) -> Iterator[socket.socket | None]:
    """A socket for the admin routes, where ``serve.admin`` names an address of their own.

    Args:
        where: as configured.
        beside: the socket of the other routes.

    Raises:
        PortError: the address is taken or cannot be used.
        SameAddressError: the other routes are there.
    """
    if where in ("on", "off"):
        yield None
    elif where.startswith(UNIX):
        path = Path(where.removeprefix(UNIX))
        with _listening_in(path) as listener:
            found = path.stat().st_ino
            try:
                yield listener
            finally:
                with suppress(OSError):  # a later server may have put its own there
                    if path.stat().st_ino == found:
                        path.unlink()
    else:
        host, _, port = where.rpartition(":")
        try:
            listener = listening(host.strip("[]"), int(port), ADMIN)
        except PortError:
            if beside is not None and _covers(beside, host.strip("[]"), int(port)):
                raise SameAddressError(
                    f"serve.admin is {where}, where the other routes are. Name another port in "
                    'serve.admin, or set it to "on" to have them all at one address.'
                ) from None
            raise
        with listener:
            yield listener


def _covers(listener: socket.socket, host: str, port: int) -> bool:
    """Whether a socket listens on this address, perhaps among others."""
    own, taken = listener.getsockname()[:2]
    if port != taken:
        return False
    with suppress(OSError):
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        address = found[0][4][0]
        return own == address or own in ANY_HOST or address in ANY_HOST
    return False


def _listening_in(path: Path) -> socket.socket:
    """A socket in the file system, for its user only; one that a killed server left is replaced."""
    if path.is_socket() and _answers(path):
        raise PortError(
            f"Cannot listen on {path}: another server does. Stop that one, or name another path in "
            "serve.admin."
        )
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        if path.is_socket():
            path.unlink()
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortError(
            f"Cannot listen on {path}: {error.strerror or error}. Name another path in "
            "serve.admin, in a folder that this user may write to."
        ) from None
    finally:
        os.umask(before)
    listener.set_inheritable(True)
    return listener


def _answers(path: Path) -> bool:
    """Whether a server listens on a socket in the file system."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:  # it listens, and is slow
            return True
    return True


def _why(error: OSError, chosen: Chosen) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            "another program listens there, perhaps a server of this model. Stop that one, or "
            f"name another port {chosen.port}; port 0 finds a free one."
        )
    if error.errno == errno.EACCES:
        return f"this needs more rights than this user has. Name a port above 1023 {chosen.port}."
    return f"{error.strerror or error}. Name an address of this machine {chosen.host}."
