"""The names under which the server may be called, and the pages that may write through a browser.

A page that a browser shows can send requests to any server that the browser reaches. Two rules keep
such pages out. *Hosts* stop DNS rebinding: a page's own name, made to point here, is in ``Host``,
and is none of ours. *Origins* stop pages elsewhere from writing, whatever the browser would let
them read. Both are compiled once and cost a request about a microsecond.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from starlette.types import Scope

from converters.config.settings import ServeSettings
from serve.http.problems import ForeignPageError, MisdirectedError

# Hosts whose verdict is remembered: clients use few.
REMEMBERED = 256
# A name has 253 characters at most.
LONGEST_HOST = 300
LONGEST_SHOWN = 100
LARGEST_PORT = 65535
DEFAULT_PORTS = {b"http": 80, b"https": 443}
# A name or an address and perhaps a port: no user, no path, and nothing that others may overlook.
HOST = re.compile(rb"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?)(?::([0-9]{0,5}))?")
# What a browser says of a request that its own page, or the person, started.
OWN_SITE = frozenset({b"same-origin", b"none"})

Address = IPv4Address | IPv6Address


class Hosts:
    """The hosts that a server accepts.

    Args:
        settings: ``host`` is the address listened on, ``hosts`` are the names that were configured,
            and ``admin`` perhaps another address listened on.
    """

    def __init__(self, settings: ServeSettings) -> None:
        bound = [settings.host, *_door(settings.admin)]
        addresses = [each for each in map(address_of, bound) if each is not None]
        self._any_address = any(each.is_unspecified for each in addresses)
        own = [socket.gethostname()] if self._any_address else []
        named = [_plain(each) for each in (*bound, *own, *settings.hosts)]
        self._names = {"localhost", *(name for name in named if not name.startswith("*."))}
        self._endings = tuple(name[1:] for name in named if name.startswith("*."))
        self._addresses = {each for each in map(address_of, named) if each is not None}
        self._addresses |= {each for name in bound for each in _resolved(name)}
        self._any = "*" in settings.hosts
        self._accepts = lru_cache(REMEMBERED)(self._accepted)

    def check(self, scope: Scope) -> None:
        """Refuse a request for another host.

        A request of HTTP/1.0 may have no Host; browsers send none such.

        Raises:
            MisdirectedError: names the host and the setting.
        """
        if self._any:
            return
        for name, value in scope["headers"]:
            if name == b"host" and not (len(value) <= LONGEST_HOST and self._accepts(value)):
                shown = ascii(value[:LONGEST_SHOWN].decode("latin-1"))
                raise MisdirectedError(
                    f"This server is not called {shown}. Call it by a name that it knows, or add "
                    "this one to serve.hosts."
                )

    def _accepted(self, host: bytes) -> bool:
        found = split_host(host)
        if found is None:
            return False
        name, _ = found
        if (address := address_of(name)) is not None:
            return self._any_address or address.is_loopback or address in self._addresses
        return name in self._names or name.endswith(self._endings)


class Origins:
    """The pages that may use the routes that write: our own, and those configured."""

    def __init__(self, configured: Iterable[str]) -> None:
        self._allowed = {origin.encode() for origin in configured}

    def check(self, scope: Scope) -> None:
        """Refuse a request that a page elsewhere made a browser send; others send no Origin.

        Raises:
            ForeignPageError: names the setting.
        """
        origins, sites, hosts = [], [], []
        for name, value in scope["headers"]:
            if name == b"origin":
                origins.append(value)
            elif name == b"sec-fetch-site":
                sites.append(value)
            elif name == b"host":
                hosts.append(value)
        if not origins and not sites:
            return
        if len(origins) == 1 and origins[0].lower() in self._allowed:
            return
        own_site = all(site in OWN_SITE for site in sites)
        own_page = not origins or (len(origins) == len(hosts) == 1 and same(origins[0], hosts[0]))
        if not (own_site and own_page):
            raise ForeignPageError(
                "A web page of another origin sent this request. If that page may write here, add "
                "its origin to serve.origins."
            )


def same(origin: bytes, host: bytes) -> bool:
    """Whether a page's origin is the host that its request is for, with either scheme.

    A proxy that ends TLS makes the page's scheme another than ours.
    """
    scheme, _, rest = origin.lower().partition(b"://")
    theirs, ours = split_host(rest), split_host(host)
    if scheme not in DEFAULT_PORTS or theirs is None or ours is None:
        return False
    default = DEFAULT_PORTS[scheme]
    return (theirs[0], theirs[1] or default) == (ours[0], ours[1] or default)


def split_host(host: bytes) -> tuple[str, int | None] | None:
    """The name or address of a Host header in lower case, and its port; None if it is malformed."""
    found = HOST.fullmatch(host.lower()) if len(host) <= LONGEST_HOST else None
    if found is None or (found[1][:1] == b"[") != (b":" in found[1]):
        return None
    name, port = found[1].decode("ascii"), int(found[2] or 0)
    return (name.removesuffix("."), port or None) if port <= LARGEST_PORT else None


def address_of(name: str) -> Address | None:
    """A name as an address, if it is one; an IPv4 address in IPv6's clothes is that address."""
    try:
        address = ip_address(name.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _plain(name: str) -> str:
    """A configured name as browsers send it: lower case, IDNA, no dot at its end."""
    plain = name.strip().removesuffix(".").lower()
    with suppress(UnicodeError):
        plain = plain.encode("idna").decode("ascii")
    return plain


def _door(admin: str) -> list[str]:
    """The host of the admin routes' own address, if they have one."""
    if admin in ("on", "off") or admin.startswith("unix:"):
        return []
    return [admin.rpartition(":")[0].strip("[]")]


def _resolved(name: str) -> set[Address]:
    """The addresses of a name that is listened on; none for what is an address."""
    if address_of(name) is not None:
        return set()
    with suppress(OSError, UnicodeError):
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        addresses = (address_of(str(each[4][0])) for each in found)
        return {address for address in addresses if address is not None}
    return set()
