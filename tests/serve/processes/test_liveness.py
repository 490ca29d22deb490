"""Servers that live and do not answer are noticed, and nobody else is taken for one."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from serve.processes.child import Command
from serve.processes.liveness import Heard, Limits, Probe, Pulse
from serve.processes.ports import free_port
from serve.processes.supervisor import Patience
from tests.serve.processes.test_supervisor import Watch, pid_of, supervised
from tests.support.serving.processes import alive, until

QUICK = Limits(every=0.05, timeout=0.3, silence=1.0, start=20.0, late=0.25)
HOST = "127.0.0.1"

# Answers the first byte of each connection, until it is asked for something that makes it hang.
SERVER = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
open_ones = []
while True:
    connection, _ = listener.accept()
    asked = connection.recv(1000)
    if asked.startswith(b"spin"):
        while True: pass
    while asked.startswith(b"mute"):
        open_ones.append(listener.accept())
    connection.sendall(b"HTTP/1.1 503 Service Unavailable\\r\\n\\r\\n")
    connection.close()
"""


@contextmanager
def listening(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """The port of a listener that does this with its first connection, on a thread."""
    with closing(socket.create_server((HOST, 0))) as listener:
        listener.settimeout(20.0)
        thread = Thread(target=lambda: answer(listener.accept()[0]), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(20.0)


def answer_with(text: bytes, asked: list[bytes], connection: socket.socket) -> None:
    """Note what is asked, answer, and close."""
    asked.append(connection.recv(1000))
    connection.sendall(text)
    connection.close()


def test_any_answer_is_one() -> None:
    """A refusal, a byte, or a closed connection shows that the process works."""
    for text in (b"HTTP/1.1 503 Service Unavailable\r\n", b"HTTP/1.1 421 \r\n", b"H", b""):
        with listening(partial(answer_with, text, [])) as port:
            assert Probe(HOST, port).ask(5.0) is Heard.ANSWER


def test_the_request_names_the_address_that_is_asked() -> None:
    """The server's list of allowed hosts has that address; IPv6 is in brackets."""
    asked: list[bytes] = []
    with listening(partial(answer_with, b"", asked)) as port:
        Probe(HOST, port).ask(5.0)
    head = asked[0].decode().split("\r\n")
    assert head[0] == "GET /health/live HTTP/1.1"
    assert f"Host: {HOST}:{port}" in head
    assert Probe("::1", 80, tls=True).address == "https://[::1]:80/health/live"


def test_a_connection_without_an_answer_is_silence() -> None:
    """A listener that the system accepts for, and that nobody reads from, with TLS or without."""
    with closing(socket.create_server((HOST, 0))) as listener:
        port = listener.getsockname()[1]
        for tls in (False, True):
            began = time.monotonic()
            assert Probe(HOST, port, tls=tls).ask(0.2) is Heard.SILENCE
            assert time.monotonic() - began < 10.0
    assert Probe(HOST, port).ask(0.2) is Heard.NOBODY


def test_a_server_with_tls_is_asked_whoever_certified_it(tmp_path: Path) -> None:
    """A certificate of one's own, for another name, is no reason to restart a server."""
    made = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
    named = "-subj /CN=elsewhere.example -keyout key.pem -out cert.pem"
    subprocess.run(f"{made} {named}".split(), cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    asked: list[bytes] = []

    def answer(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as connection:
            asked.append(connection.recv(1000))
            connection.sendall(b"HTTP/1.1 200 OK\r\n")

    with listening(answer) as port:
        assert Probe(HOST, port, tls=True).ask(5.0) is Heard.ANSWER
    assert asked[0].startswith(b"GET /health/live")


def test_a_slow_start_is_no_hang() -> None:
    """Before its first answer a server has the time of a start, and no less."""
    starting = Limits(every=0.01, timeout=0.05, silence=0.1, start=0.6, late=5.0)
    for heard in (Heard.SILENCE, Heard.NOBODY):
        hung: list[float] = []
        Pulse(partial(lambda heard, _: heard, heard), starting, hung.append)
        until(lambda hung=hung: hung)  # type: ignore[misc]
        assert hung[0] >= 0.6


def test_silence_after_an_answer_is_a_hang_and_an_answer_ends_it() -> None:
    """Only time since the last answer counts."""
    heard = [Heard.ANSWER]
    pulse = Pulse(lambda _: heard[0], Limits(0.01, 0.05, silence=0.3, start=100.0, late=5.0))
    until(lambda: pulse.answered)
    heard[0] = Heard.SILENCE
    until(lambda: pulse.hung_for is not None)
    assert pulse.hung_for is not None
    assert pulse.hung_for >= 0.3
    heard[0] = Heard.ANSWER
    until(lambda: pulse.hung_for is None)
    pulse.stop()


def test_probes_that_were_held_up_themselves_do_not_count() -> None:
    """Where this process gets no processor, the server may have got none either."""
    asked = []

    def starved(timeout: float) -> Heard:
        asked.append(timeout)
        time.sleep(timeout + 0.05)
        return Heard.SILENCE if len(asked) > 1 else Heard.ANSWER

    pulse = Pulse(starved, Limits(every=0.0, timeout=0.02, silence=0.2, start=0.2, late=0.03))
    until(lambda: len(asked) > 20)
    assert pulse.hung_for is None
    pulse.stop()


@contextmanager
def served(last_chance: float = 0.1) -> Iterator[tuple[Watch, int, int]]:
    """A supervised server that has answered: the supervisor, its process and its port."""
    port = free_port(HOST, 0)
    argv = (sys.executable, "-I", "-S", "-c", SERVER, str(port))
    command = Command("server", argv, Probe(HOST, port))
    patience = Patience(first_delay=0.01, grace=5.0, hung=QUICK, last_chance=last_chance)
    with supervised(command, patience=patience) as watch:
        pid = watch.pid("server")
        watched = watch.supervisor._watched["server"]
        watch.tend_until(lambda: watched.pulse is not None and watched.pulse.answered)
        yield watch, pid, port


def send(port: int, request: bytes) -> None:
    """Send something and do not wait for an answer."""
    with socket.create_connection((HOST, port), 10.0) as connection:
        connection.sendall(request)


@pytest.mark.parametrize("how", ["stopped", "spin", "mute"])
def test_a_server_that_hangs_is_ended_and_started_again(how: str) -> None:
    """Stopped, spinning, or accepting without an answer: another process serves in its place."""
    with served() as (watch, first, port):
        if how == "stopped":
            os.kill(first, signal.SIGSTOP)
        else:
            send(port, how.encode())
        watch.tend_until(lambda: pid_of(watch.supervisor, "server") not in (0, first))
        watch.tend_until(lambda: Probe(HOST, port).ask(1.0) is Heard.ANSWER)
        assert not alive(first)
        assert watch.notes[0].startswith(
            f"The server has not answered at http://{HOST}:{port}/health/live for 1 s although"
        )
        assert [note for note in watch.notes if "hangs" in note] == watch.notes[:1]
        assert watch.notes[1].endswith(" It is started again in 0.01 s.")


def test_looking_after_a_hung_server_never_waits() -> None:
    """Each round is short meanwhile, so that signals and other deaths are noticed."""
    with served(last_chance=2.0) as (watch, first, _):
        os.kill(first, signal.SIGSTOP)
        longest = 0.0
        while alive(first):
            began = time.monotonic()
            watch.supervisor.tend()
            longest = max(longest, time.monotonic() - began)
            time.sleep(0.01)
        assert longest < 1.0


LOOP = """
import asyncio, sys, time
from serve.processes.liveness import Limits, end_with_loop

async def main():
    end_with_loop(asyncio.get_running_loop(), Limits(0.05, 0.2, silence=0.5, start=20.0))
    await asyncio.sleep(1.0)
    print("ran", flush=True)
    while "spin" in sys.argv: pass

asyncio.run(main())
"""


@pytest.mark.parametrize(("argument", "status"), [("spin", 1), ("end", 0)])
def test_a_process_ends_with_its_event_loop(argument: str, status: int) -> None:
    """One of several server processes whose loop spins ends itself, and only then."""
    command = [sys.executable, "-P", "-c", LOOP, argument]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert ended.stdout.startswith("ran")
    assert ("this server process hangs" in ended.stderr) == (argument == "spin")
