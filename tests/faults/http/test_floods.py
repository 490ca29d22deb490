"""Heads, trailers and pipelines without end, clients that stop, and more than can be served.

Meanwhile another caller asks, and the server's memory is watched.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.http.attack import MEBIBYTE, Attacked, attacked
from tests.faults.http.case import TOKEN
from tests.faults.http.probe import LONGEST_GAP
from tests.faults.http.wire import HOST, all_of, answers, flood, read
from tests.support.serving.served import a_project, maker_of
from tests.support.serving.server_process import server_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

TIMEOUT = 1.0
SOME, MANY = MEBIBYTE, 1024 * MEBIBYTE
# What a flood may add to the server's memory, in MiB.
MOST_GROWTH = 16
OK = b"HTTP/1.1 200 OK"
GET = "GET /health/live HTTP/1.1\r\n"
POST = f"POST /predict HTTP/1.1\r\n{HOST}\r\nContent-Type: application/json\r\n"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"
# The beginning of a request, the part that never ends, and the answers that may come.
FLOODS: dict[str, tuple[str, bytes, tuple[int, ...]]] = {
    "a URL": ("GET /", b"a", (414,)),
    "a URL of escapes": ("GET /", b"%41", (414,)),
    "a query": ("GET /history?", b"at=1&", (414,)),
    "a whole URL": ("GET http://127.0.0.1/", b"a", (414,)),
    "a method": ("", b"G", (400, 414, 431, 501)),
    "a version": ("GET / HTTP/1.", b"1", (400, 414, 505)),
    "header lines": (GET, b"a: b\r\n", (431,)),
    "long header lines": (GET, b"a: " + b"b" * 8_000 + b"\r\n", (431,)),
    "one header line": (f"{GET}{HOST}\r\nX-Y: ", b"a", (431,)),
    "a header name": (f"{GET}{HOST}\r\n", b"a", (431,)),
    "blanks before a value": (f"{GET}{HOST}\r\nX-Y:", b" ", (431,)),
    "a folded line": (f"{GET}{HOST}\r\nX-Y: a\r\n", b" b\r\n", (400, 431)),
    "hosts": (GET, f"{HOST}\r\n".encode(), (400, 431)),
    "lengths": (POST, b"Content-Length: 1\r\n", (400, 431)),
    "line ends before a request": ("", b"\r\n", (400,)),
    "trailers": (f"{CHUNKED}0\r\n", b"a: b\r\n", (400, 431)),
    "one trailer": (f"{CHUNKED}0\r\nX-Y: ", b"a", (400, 431)),
    "the extension of a chunk": (f"{CHUNKED}1;", b"x", (400, 413, 431)),
    "the size of a chunk": (CHUNKED, b"0", (400, 413, 431)),
    "chunks of one byte": (CHUNKED, b"1\r\n \r\n", (400, 408, 413)),
    "one chunk": (f"{CHUNKED}7fffffff\r\n", b" ", (408, 413)),
    "a body": (f"{POST}Content-Length: 4000000000\r\n\r\n", b" ", (413,)),
    "a body for a route that reads none": (
        f"GET /versions HTTP/1.1\r\n{HOST}\r\nContent-Length: 4000000000\r\n\r\n",
        b" ",
        (200, 400, 413),
    ),
    "a body for no route": (
        f"POST /nothing HTTP/1.1\r\n{HOST}\r\nContent-Length: 4000000000\r\n\r\n",
        b" ",
        (404,),
    ),
}
# Until a gap is short: a busy machine makes single ones longer.
TRIES = 24


@pytest.fixture(scope="module")
def under_attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server with a short time limit, and its probe."""
    with attacked(tmp_path_factory.mktemp("floods"), f"timeout = {TIMEOUT}\n") as found:
        yield found


def check_flood(server: Attacked, name: str, most: int) -> None:
    """The server answers and ends a flood, keeps nobody waiting and nothing in memory."""
    head, part, statuses = FLOODS[name]
    before = server.memory()
    gaps, found = [], []
    for _ in range(TRIES):
        server.probe.begin()
        _, got = flood(server.server.port, head.encode(), part, most)
        seen = server.probe.end()
        assert seen.failed == []
        gaps.append(seen.gap)
        found = [each.status for each in got] or [0]
        assert [each.trouble for each in got] == [""] * len(got)
        if seen.gap <= LONGEST_GAP:
            break
    assert found[0] in statuses
    assert len(found) == 1, "what is part of a flood was answered as a request"
    assert min(gaps) <= LONGEST_GAP
    assert server.memory() - before < MOST_GROWTH


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_refused_and_fills_nothing(under_attack: Attacked, name: str) -> None:
    """1 MiB of one part of a request: refused, others are answered, no memory is kept."""
    check_flood(under_attack, name, SOME)


def test_many_bodies_in_tiny_chunks_take_turns(under_attack: Attacked) -> None:
    """32 clients send chunks of one byte without end: others wait for one slice, not for 32."""
    gaps = []
    for _ in range(TRIES):
        with connections(under_attack, 32, CHUNKED.encode()) as clients:
            under_attack.probe.begin()
            until = time.monotonic() + 0.8 * TIMEOUT
            for each in clients:
                each.setblocking(False)
            while time.monotonic() < until:
                for each in clients:
                    _sends(each, b"1\r\n \r\n" * 20_000)
                time.sleep(0.01)
            seen = under_attack.probe.end()
        assert seen.failed == []
        gaps.append(seen.gap)
        if seen.gap <= LONGEST_GAP:
            break
    assert min(gaps) <= LONGEST_GAP


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FLOODS)
def test_a_gigabyte_is_refused_and_fills_nothing(under_attack: Attacked, name: str) -> None:
    """1 GiB of one part of a request: refused, others are answered, no memory is kept."""
    check_flood(under_attack, name, MANY)


def lines(*more: str, target: str = "/health/live") -> bytes:
    """A head of these lines."""
    return "\r\n".join([f"GET {target} HTTP/1.1", HOST, *more, "", ""]).encode()


LINE, HEAD, FIELDS = 16 * 1024, 64 * 1024, 100
BOUNDS: dict[str, tuple[bytes, int]] = {
    "a target that fits": (lines(target="/" + "a" * (LINE - 100)), 404),
    "a target that does not": (lines(target="/" + "a" * LINE), 414),
    "a line that fits": (lines("X-Y: " + "a" * (LINE - 100)), 200),
    "a line that does not": (lines("X-Y: " + "a" * LINE), 431),
    "as many fields as fit": (lines(*["a: b"] * (FIELDS - 1)), 200),
    "one field more": (lines(*["a: b"] * FIELDS), 431),
    "a head that fits": (lines(*["X-Y: " + "a" * 15_000] * 4), 200),
    "a head that does not": (lines(*["X-Y: " + "a" * 15_000] * 5), 431),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_the_bounds_of_a_head_are_where_they_are_said_to_be(
    under_attack: Attacked, name: str
) -> None:
    """16 KiB a line, 64 KiB and 100 fields in all: within them 200 or 404, beyond 414 or 431."""
    sent, status = BOUNDS[name]
    found = answers(under_attack.server.port, sent)
    assert [(each.status, each.trouble) for each in found] == [(status, "")]


@contextmanager
def connections(server: Attacked, count: int, sent: bytes = b"") -> Iterator[list[socket.socket]]:
    """So many connections that have sent this."""
    with ExitStack() as stack:
        made = [stack.enter_context(server.server.connect()) for _ in range(count)]
        for each in made:
            each.sendall(sent)
        yield made


@pytest.mark.parametrize(
    ("sent", "part", "statuses"),
    [
        ("GET /health/live HTTP/1.1\r\nX-Y: ", b"a", {0, 408}),
        ("", b"\r\n", {0, 400, 408}),
        (f"{POST}Content-Length: 100000\r\n\r\n", b" ", {408}),
        (CHUNKED, b"1\r\n \r\n", {408}),
        (f"{CHUNKED}0\r\nX-Y: ", b"a", {0, 408}),
    ],
    ids=["heads", "line ends", "bodies", "chunks", "trailers"],
)
def test_slow_clients_are_cut_off(
    under_attack: Attacked, sent: str, part: bytes, statuses: set[int]
) -> None:
    """20 clients that send a little now and then: each is ended, however much it goes on."""
    with connections(under_attack, 20, sent.encode()) as clients:
        under_attack.probe.begin()
        until, open_ones = time.monotonic() + 5 * TIMEOUT, set(clients)
        while open_ones and time.monotonic() < until:
            for each in list(open_ones):
                try:
                    each.sendall(part)
                except OSError:
                    open_ones.discard(each)
            time.sleep(0.1)
        assert not open_ones
        assert under_attack.probe.end().failed == []
        found = set()
        for each in clients:
            got, _ = read(each, 1.0)
            found.add(next((one.status for one in all_of(got, ended=True)), 0))
    # A client that goes on sending may lose the answer, which was sent before the connection ended.
    assert found <= statuses | {0}


def test_a_client_that_has_ended_its_side_is_answered(under_attack: Attacked) -> None:
    """Half a connection is enough for an answer, as `nc` and `curl` over some proxies need it."""
    for sent in (lines(), f'{POST}Content-Length: 10\r\n\r\n{{"hour":3}}'.encode()):
        found = answers(under_attack.server.port, sent, half_close=True)
        assert [(each.status, each.closed) for each in found] == [(200, True)]


def test_a_client_that_ends_its_side_too_early_is_let_go(under_attack: Attacked) -> None:
    """What will never be complete is ended, at once or at the time limit, and harms nobody."""
    for sent in (b"GET /heal", f"{POST}Content-Length: 10\r\n\r\n{{".encode(), CHUNKED.encode()):
        found = answers(under_attack.server.port, sent, half_close=True, wait=3 * TIMEOUT)
        assert {each.status for each in found} <= {400, 408}
    assert answers(under_attack.server.port, lines())[0].status == 200


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_long_pipeline_is_answered_in_order(under_attack: Attacked, count: int) -> None:
    """Thousands of requests sent in one go: as many answers, and others are answered meanwhile."""
    one = lines()
    under_attack.probe.begin()
    with under_attack.server.connect() as connection, ThreadPoolExecutor(1) as sender:
        connection.settimeout(60)
        sending = sender.submit(connection.sendall, one * count)
        answered, rest = 0, b""
        while answered < count and (part := connection.recv(2**20)):
            rest += part
            answered += rest.count(OK)
            rest = rest[max(rest.rfind(OK), 0) + len(OK) - 1 :]
        sending.result()
    assert answered == count
    seen = under_attack.probe.end()
    assert (seen.failed, seen.gap < 3 * LONGEST_GAP) == ([], True)


@pytest.mark.parametrize("target", ["/openapi.json", "/health/live"])
def test_clients_that_never_read_fill_nothing(under_attack: Attacked, target: str) -> None:
    """20 clients, each with thousands of requests and no interest in an answer: memory is flat."""
    before = under_attack.memory()
    under_attack.probe.begin()
    many = lines(target=target) * 2_000
    with connections(under_attack, 20) as clients:
        for each in clients:
            each.setblocking(False)
        until = time.monotonic() + 3 * TIMEOUT
        while sum(_sends(each, many) for each in clients) and time.monotonic() < until:
            time.sleep(0.1)
        assert under_attack.memory() - before < 2 * MOST_GROWTH
    assert under_attack.probe.end().failed == []


def _sends(client: socket.socket, content: bytes) -> bool:
    """Whether a connection still stands, after another try to send."""
    try:
        client.send(content)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return True


# A server that may open so many files, and cannot raise the limit.
FEW_FILES = ("sh", "-c", 'ulimit -n 256 && exec "$@"', "sh")


def test_more_connections_than_files_leave_others_served(tmp_path: Path) -> None:
    """1,500 idle connections where 256 files may be open: new callers are answered, and it is said.

    An idle connection may be closed for a new one; a request that is running may not.
    """
    project = a_project(tmp_path, f'[serve]\nadmin_token = "{TOKEN}"\n')
    with maker_of(project) as maker:
        maker.make()
    with ExitStack() as stack:
        server = stack.enter_context(server_of(project, behind=FEW_FILES))
        idle = [stack.enter_context(server.connect()) for _ in range(1_500)]
        found = [answers(server.port, lines())[0].status for _ in range(20)]
        assert set(found) <= {200, 503}
        assert found.count(200) >= 15
        metrics = server.ask("/metrics")[1]
        assert "freshet_connections" in metrics
        for each in idle:
            each.close()
        assert [server.ask("/health/live")[0] for _ in range(20)] == [200] * 20
        assert "connections" in server.said.read_text(encoding="utf-8")


def test_bodies_that_are_held_back_leave_room_for_others(tmp_path: Path) -> None:
    """Clients that send all but the last byte fill what bodies may take: others are answered."""
    bodies, size = 32 * MEBIBYTE, 8 * MEBIBYTE - 1
    with attacked(tmp_path, f"max_bodies = {bodies}\n") as server, ExitStack() as stack:
        before = server.memory()
        server.probe.begin()
        clients = [stack.enter_context(server.server.connect()) for _ in range(12)]
        head = f"{POST}Content-Length: {size + 1}\r\n\r\n".encode()
        with ThreadPoolExecutor(len(clients)) as pool:
            list(pool.map(lambda client: _send_all(client, head + b" " * size), clients))
        found = [all_of(*read(client, 0.3)) for client in clients]
        refused = [answer for got in found for answer in got]
        assert {(each.status, each.trouble) for each in refused} == {(503, "")}
        assert all(each.headers["retry-after"] == "1" for each in refused)
        assert 0 < len(refused) < len(clients)
        seen = server.probe.end()
        assert (seen.failed, seen.gap < 3 * LONGEST_GAP) == ([], True)
        assert server.memory() - before < 2 * bodies / MEBIBYTE + MOST_GROWTH


def _send_all(client: socket.socket, content: bytes) -> None:
    with suppress(OSError):
        client.sendall(content)
