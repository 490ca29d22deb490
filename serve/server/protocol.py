"""One connection: uvicorn's HTTP/1.1 with its gaps closed.

:mod:`serve.server.heads` bounds and checks the bytes of a head before uvicorn's parser has them,
:mod:`serve.server.chunks` decodes a body in chunks. Requests that come one after the other
without waiting (a pipeline) stay unparsed until the answer before them is complete, and reading
stops meanwhile. What is refused here is answered by a problem document and ends the connection,
gently: a client that is still sending can read the answer.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from serve.http import request_ids
from serve.http.access_log import AccessLog, Line
from serve.http.problems import KINDS, BusyError, last_answer
from serve.server import heads
from serve.server.chunks import LINES_A_TURN, LINES_AT_ONCE, Chunks
from serve.server.heads import RefusedError

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from serve.server.connections import Connections

ASGI: Any = {"version": "3.0", "spec_version": "2.3"}
# Of SO_LINGER: on, for no time.
RESET = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """One connection.

    Attributes:
        table: of all connections of this process.
        admin_door: whether it came to the address that has only the admin routes.
        opening: while the connection is not made yet (TLS), what makes it.
        sock: its socket.
    """

    def __init__(
        self,
        table: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.table = table
        self.admin_door = False
        self.opening: asyncio.Task[None] | None = None
        self.sock: socket.socket | None = None
        self.headers = []
        self._wire: asyncio.Transport | None = None
        self._unparsed = b""
        self._method = self._target = self._version = b""
        self._blank_lines = 0  # before the next request line
        self._in_message = False  # its head is complete, its body is not
        self._length = 0  # bytes of the body to come, where they were announced
        self._chunks: Chunks | None = None
        self._has_turn = self._peer_ended = self._ending = False

    flow: _Flow
    # The parser need not say these: the head is known as a whole before it is parsed.
    on_message_begin = on_url = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with a transport that uvicorn closes gently."""
        if self._ending:  # dropped while it was opened
            transport.abort()
            return
        self._wire = transport
        super().connection_made(cast("asyncio.Transport", _Wire(transport, self.end)))
        self.flow = _Flow(transport)
        self.opening = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._ending = True
        self._unparsed = b""
        self.table.lost(self)
        if self._wire is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what may be parsed now, and keep the rest."""
        if self._ending:  # what comes after the last answer is read and dropped
            return
        self._unparsed = self._unparsed + data if self._unparsed else data
        self._go_on()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer what has come as a whole; a client may end its side before it is answered."""
        self._peer_ended = True
        whole = not self._ending and not self._in_message and self._answering
        return whole and self.scheme == "http"  # TLS cannot end one side only

    def _go_on(self, lines: int = LINES_AT_ONCE) -> None:
        """Parse until a request has to be answered first, or more has to come."""
        if self._ending or self._has_turn:
            return
        try:
            at = self._parse(self._unparsed, lines)
        except RefusedError as error:
            self._refuse(error)
            return
        self._unparsed = self._unparsed[at:] if at else self._unparsed
        if self._peer_ended and not self._answering:
            self.end()

    def _in_turn(self) -> bool:
        """Go on with a long body in chunks; false if there is none any more."""
        self._has_turn = False
        self._go_on(LINES_A_TURN)
        return not self._ending

    def _parse(self, data: bytes, lines: int) -> int:
        """Parse bytes, so many lines of chunks at most; how many bytes were parsed."""
        at = 0
        while at < len(data) and not self._ending:
            if self._chunks is not None:
                before, at = at, self._decode(self._chunks, data, at, lines)
                if self._in_message and before < at < len(data):  # the rest in its turn
                    self.flow.hold()
                    self._has_turn = True
                    self.table.passes.add(self._in_turn)
                    return at
                if self._in_message:
                    break
            elif self._in_message:
                part = data[at : at + self._length]
                at += len(part)
                self._length -= len(part)
                self.parser.feed_data(part)
            elif self._answering or self.flow.write_paused:
                self.flow.hold()
                return at
            elif data.startswith(b"\r\n", at):
                at = self._after_blank_line(at)
            elif len(data) - at == 1 and data.endswith(b"\r"):
                break
            elif end := heads.head_end(data, at):
                self._begin(data, at, end)
                at = end
            else:
                break
        self.flow.release()
        return at

    def _after_blank_line(self, at: int) -> int:
        """The place behind an empty line before a request."""
        self._blank_lines += 1
        if self._blank_lines > heads.MOST_BLANK_LINES:
            raise RefusedError(heads.NOT_HTTP, heads.ONLY_BLANK_LINES)
        return at + 2

    def _begin(self, data: bytes, at: int, end: int) -> None:
        """Begin the request whose head this is."""
        self._blank_lines = 0
        self._method, self._target, self._version = heads.request_line(data, at)
        try:
            self.parser.feed_data(heads.without_offer(data[at:end]))
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            raise RefusedError(heads.NOT_HTTP, f"The request cannot be parsed: {error}.") from None

    def _decode(self, chunks: Chunks, data: bytes, at: int, lines: int) -> int:
        """Decode a body in chunks; where it stopped."""
        at, body = chunks.decode(data, at, lines)
        if body:
            self.on_body(body)
        if chunks.complete:
            self._chunks = None
            # The parser has seen the head only; fields after the body it does not see.
            self.parser.feed_data(b"0\r\n\r\n")
        return at

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field as RFC 9110 reads it: in lower case, without blanks around its value."""
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        """Check the head as a whole, and start the request."""
        target, authority = heads.resolved(self._method, self._target)
        fields = heads.checked(self.headers, self._version, authority)
        if authority is not None:
            others = [field for field in self.headers if field[0] != b"host"]
            self.headers[:] = [(b"host", authority), *others]
        self._in_message = True
        if b"transfer-encoding" in fields:
            self._chunks = Chunks()
        self._length = int(fields.get(b"content-length", b"0"))
        self.table.busy(self)
        if self.table.crowded:
            self.table.count("refused")
            raise RefusedError(KINDS[BusyError], "All connections are busy. Try again soon.")
        self._start(target, expects=b"expect" in fields)

    def _start(self, target: bytes, *, expects: bool) -> None:
        """Start the request. As uvicorn does, which parses the target again and keeps pipelines."""
        raw_path, _, query = target.partition(b"?")
        path = raw_path.decode("ascii")
        new = self._version == b"1.1"
        self.scope = {
            "type": "http",
            "asgi": ASGI,
            "http_version": "1.1" if new else "1.0",
            "method": self._method.decode("ascii"),
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "root_path": "",
            "path": heads.decoded(path),
            "raw_path": raw_path,
            "query_string": query,
            "headers": self.headers,
            "state": self.app_state.copy(),
            "abort": self.drop,
        }
        if self.admin_door:
            self.scope["admin_door"] = True  # type: ignore[typeddict-unknown-key]
        self.cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expects and new,
            keep_alive=new and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self._start_asgi_task(self.cycle, self.app)

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_message = False
        self._method, self.headers = b"", []
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Wait for the next request, or take it if it has come already."""
        self.server_state.total_requests += 1
        if self._ending:
            return
        self.table.waits(self)
        if self.unread():
            self.table.stalls(self)
        self.flow.resume_reading()
        if self._unparsed or self._peer_ended:
            self._go_on()

    def pause_writing(self) -> None:
        """The client does not read as fast as it is answered."""
        super().pause_writing()
        self.table.stalls(self)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        self.table.flows(self)
        if self._unparsed and not self._ending:
            self._go_on()

    def expire(self) -> None:
        """End: no request has come in time; where a part of one has, say so."""
        if self._unparsed and not self._in_message:
            self._refuse(
                RefusedError(
                    heads.SLOW_HEAD,
                    f"The request's head did not arrive within {self.timeout_keep_alive} s.",
                )
            )
        else:
            self.end()

    def drop(self) -> None:
        """End at once."""
        if self._wire is not None:
            if self.unread():  # the system would keep it for a client that never takes it
                sock = self._wire.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self._wire.abort()
        elif self.opening is not None:
            self._ending = True  # what comes meanwhile begins no request
            self.loop.call_soon(self.opening.cancel)  # it has begun then, and closes what it opened

    def has_input(self) -> bool:
        """Whether the client has sent what was not read yet."""
        try:
            return bool(self.sock and self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    def unread(self) -> int:
        """Bytes of answers that the client has not taken yet."""
        return 0 if self._wire is None else self._wire.get_write_buffer_size()

    def end(self) -> None:
        """Send no more; a client that is still sending may read its answer before the end.

        Closed with unread input, the system would reset the connection, and the answer be lost.
        """
        if self._wire is None:
            self.drop()
        if self._wire is None or self._ending:
            return
        self._ending = True
        self.table.ends(self)
        sending = (self._in_message or self._unparsed) and not self._peer_ended
        self._unparsed = b""
        if not sending:
            self._wire.close()
            return
        if self._wire.can_write_eof():
            self._wire.write_eof()
        self.flow.release()
        self.flow.resume_reading()

    @property
    def _answering(self) -> bool:
        """Whether a request waits for its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, error: RefusedError) -> None:
        """Answer what is refused, and end the connection."""
        request_id = request_ids.begin(self.headers)
        if self._answering:  # a body that is none: its route may not have begun to answer
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.drop()
                return
        else:
            self.table.refused(error.kind.status)
            self._log(request_id, error.kind.status)
        self._in_message = True
        answer = last_answer(error.kind, error.detail, request_id, self._date())
        if self._method == b"HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        self.transport.write(answer)
        self.end()

    def _log(self, request_id: str, status: int) -> None:
        access_log: AccessLog | None = self.app_state.get("access_log")
        if access_log is not None:
            peer = None if self.client is None else self.client[0]
            access_log.add(Line(request_id, status, peer))

    def _date(self) -> str:
        return next((v.decode() for n, v in self.server_state.default_headers if n == b"date"), "")


class _Wire:
    """A transport that is closed by the connection, gently."""

    def __init__(self, transport: asyncio.Transport, end: Callable[[], None]) -> None:
        self.close = end
        self.write = transport.write
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading


class _Flow(FlowControl):
    """Reading that is also held while there is something to parse."""

    held = False

    def hold(self) -> None:
        """Read nothing until what is here is parsed."""
        self.held = True
        self.pause_reading()

    def release(self) -> None:
        """Read again."""
        if self.held:
            self.held = False
            self.resume_reading()

    def resume_reading(self) -> None:
        """Read again, unless it is held."""
        if not self.held:
            super().resume_reading()
