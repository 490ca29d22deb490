"""kafka-python's connections, with some faults corrected.

What is corrected here: a failed attempt to connect leaves its socket open; a handshake of TLS may
take for ever; what a broker says before it closes a connection is dropped unread, the reason why
it refuses a login above all; and why no connection comes about is told to nobody.
"""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.net.connection import KafkaConnection
from kafka.net.inet import KafkaNetSocket, create_connection
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

from stream.log_kafka.login import SecretError

RECEIVE_BYTES = 2**18
# The scheme under which kafka-python finds the class below instead of its own.
DIRECT = "direct"

# Why the last connection to each broker (``host:port``) did not come about or ended; shared by
# the clients of one log, and empty when all is well.
Troubles = dict[str, BaseException]


class Broker(Protocol):
    """What kafka-python knows of a broker."""

    host: str
    port: int


class WideSocket(socket.socket):
    """A socket that returns all it has received; kafka-python asks for 4 KiB at a time.

    Each call releases Python's lock and has to reacquire it from the thread that learns.
    """

    __slots__ = ()

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Received bytes; more than ``size`` if there are more."""
        return super().recv(max(size, RECEIVE_BYTES), flags)


class DirectSocket(KafkaNetSocket):  # type: ignore[misc]
    """Connects without a proxy, and closes the socket when that fails."""

    SCHEMES = (DIRECT,)

    def socket(self, family: int, sock_type: int, proto: int) -> WideSocket:
        """A new socket."""
        return WideSocket(family, sock_type, proto)

    async def sock_connect(
        self,
        net: object,
        sock: WideSocket,
        sockaddr: object,
        timeout_at: float | None = None,
    ) -> WideSocket:
        """Connect a fresh socket."""
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at)  # type: ignore[no-any-return]
        except BaseException:
            sock.close()
            raise


class Heard(KafkaTCPTransport):  # type: ignore[misc]
    """Hands on what a broker said before it closed the connection."""

    _end: BaseException | None = None

    def _sock_recv(self) -> tuple[bytes, BaseException | None]:
        """Received bytes, or why there are no more."""
        if self._end is not None:
            return b"", self._end
        received, error = super()._sock_recv()
        if received and error is not None:
            self._end, error = error, None
        return received, error


class HeardTls(Heard, KafkaSSLTransport):  # type: ignore[misc]
    """The same with TLS."""

    def write(self, data: bytes) -> None:
        """Send, in pieces of 16 KiB; what is left of a request is not copied for each."""
        super().write(memoryview(data))

    async def handshake_until(self, timeout_at: float | None) -> None:
        """Agree on TLS, in time."""
        while True:
            try:
                self._sock.do_handshake()
            except ssl.SSLWantReadError:
                await self._net.wait_read(self._sock, timeout_at)
            except ssl.SSLWantWriteError:
                await self._net.wait_write(self._sock, timeout_at)
            else:
                return


class Manager(KafkaConnectionManager):  # type: ignore[misc]
    """Connects, and remembers why it could not.

    Args:
        net: the event loop.
        troubles: why connections fail, kept here.
        tls: the context of TLS; None without.
        configs: kafka-python's settings.
    """

    def __init__(
        self,
        net: NetworkSelector,
        troubles: Troubles,
        tls: ssl.SSLContext | None,
        **configs: object,
    ) -> None:
        self._troubles = troubles
        self._tls = tls
        self._ended_early: Counter[str] = Counter()
        super().__init__(net, **configs)

    def get_connection(self, node_id: object, *args: object, **options: object) -> KafkaConnection:
        """The connection to a broker, made if need be.

        Raises:
            KafkaError: all brokers that are named refuse us for good; only while none has answered.
        """
        if not self.bootstrapped:
            self._give_up()
        known = self._conns.get(node_id)
        connection = super().get_connection(node_id, *args, **options)
        if connection is not known:
            address = _address(self.cluster.broker_metadata(node_id))

            def failed(error: BaseException) -> None:
                used = self.bootstrapped and connection.init_future.succeeded()
                if not used or is_final(error):
                    self._troubles[address] = error
                    self._ended_early[address] += ended_early(error)

            connection.close_future.add_errback(failed)
            connection.init_future.add_callback(lambda _: self._troubles.pop(address, None))
        return connection

    def _give_up(self) -> None:
        """Raise why no broker will have us, if that is so; before one has answered."""
        addresses = [_address(each) for each in self.cluster.bootstrap_brokers()]
        reasons = [self._troubles.get(address) for address in addresses]
        if all(
            reason is not None and (is_final(reason) or self._ended_early[address] >= ENOUGH)
            for address, reason in zip(addresses, reasons, strict=True)
        ):
            raise next(filter(None, reasons))

    async def _do_bootstrap(self, deadline: float | None) -> object:
        """Look for a broker; once one answers, it is no matter what others did."""
        self._forget()
        found = await super()._do_bootstrap(deadline)
        self._forget()
        return found

    def _forget(self) -> None:
        for each in self.cluster.bootstrap_brokers():
            self._troubles.pop(_address(each), None)

    async def _build_transport(
        self, node: Broker, timeout_at: float | None = None
    ) -> KafkaTCPTransport:
        """A connected transport; on an error nothing is left open."""
        sock = await create_connection(
            self._net,
            node.host,
            node.port,
            self.config["socket_options"],
            proxy_url=self.config["proxy_url"],
            timeout_at=timeout_at,
        )
        if self._tls is None:
            return Heard(self._net, sock, host=node.host)
        try:
            transport = HeardTls(self._net, sock, host=node.host, ssl_context=self._tls)
        except BaseException:
            sock.close()
            raise
        try:
            await transport.handshake_until(timeout_at)
        except BaseException as error:
            transport.close()
            if isinstance(error, OSError):
                raise errors.KafkaConnectionError(error) from error
            raise
        return transport


def _address(broker: Broker) -> str:
    host = f"[{broker.host}]" if ":" in broker.host else broker.host
    return f"{host}:{broker.port}"


def net_client(
    troubles: Troubles, tls: ssl.SSLContext | None, configs: Mapping[str, object]
) -> KafkaNetClient:
    """The part of kafka-python's clients that connects, in our kind."""
    net = NetworkSelector(**configs)
    return KafkaNetClient(net=net, manager=Manager(net, troubles, tls, **configs))


# What TLS says when one of the two refuses the other's certificate, or what it was offered; a
# broker that ends may also send an alert of an internal error.
ALERTS = ("ALERT", "WRONG_VERSION_NUMBER", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS", "NO_CIPHERS")
PASSING = "INTERNAL_ERROR"
# After how many connections that a broker ends at once no more are tried: in two seconds. One
# that is being stopped does that once.
ENOUGH = 4
FINAL = (
    ssl.SSLCertVerificationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.IllegalSaslStateError,
    errors.InvalidReceiveError,
)


def is_final(error: BaseException) -> bool:
    """Whether trying again cannot help: a login, a certificate or the protocol is refused."""
    cause = tls_error(error)
    if cause is not None and any(each in str(cause.reason) for each in ALERTS):
        return PASSING not in str(cause.reason)
    return isinstance(cause or error, FINAL) and not isinstance(error, SecretError)


def ended_early(error: BaseException) -> bool:
    """Whether a broker was there, and ended the connection before it was of use."""
    return isinstance(tls_error(error), ssl.SSLEOFError) or (
        isinstance(error, errors.KafkaConnectionError) and error.args == ("socket disconnected",)
    )


def tls_error(error: BaseException) -> ssl.SSLError | None:
    """The error of TLS that kafka-python wrapped, if it is one."""
    return next((each for each in (error, *error.args) if isinstance(each, ssl.SSLError)), None)
