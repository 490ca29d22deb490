"""A real Apache Kafka for tests and benchmarks: found by address, or started from Maven Central.

Stands below ``conftest.py``'s ``kafka_bootstrap`` and below the benchmarks.
``KAFKA_BOOTSTRAP_SERVERS`` names a broker that runs already; otherwise the jars that
``kafka-broker/pom.xml`` names are fetched once into ``.cache/``, and one KRaft broker is shared by
every process that asks for one at the same time.

A *keeper* process owns that broker. Each user holds a shared lock on a file, which the kernel takes
back however the user dies; when the keeper gets the exclusive lock nobody is left, and it stops the
broker by its own pid. So neither a crashed run nor a killed worker leaves a broker behind.

Beside the plain listener, whose address these functions give, a broker that is started here has
those of :mod:`tests.support.streams.secured`, with logins and TLS: see :func:`secured_listeners`.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from filelock import FileLock

from tests.support import ROOT
from tests.support.streams.secured import (
    LISTENERS,
    Secured,
    listener_properties,
    make_certificates,
    scram_options,
)

KAFKA_VERSION = "4.1.0"
POM = ROOT / "tests" / "kafka-broker" / "pom.xml"
HOME = ROOT / ".cache" / f"kafka-{KAFKA_VERSION}"
FORMATTED, CERTIFICATES = HOME / "formatted-with-users", HOME / "certificates"
CLASSES = ("-Xmx512m", "-cp", str(HOME / "libs" / "*"))
# Starts in three fifths of the time; a benchmark's broker had better be compiled well.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
START_SECONDS = 60.0
PORTS = 2 + len(LISTENERS)
PR_SET_PDEATHSIG = 1  # from Linux's <sys/prctl.h>

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller},{secured}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker},{secured}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.initial.rebalance.delay.ms=0
"""


class BrokerUnavailableError(Exception):
    """No broker is named and none can be started; the message says why."""


@contextlib.contextmanager
def running_broker(*, quick: bool = False) -> Iterator[str]:
    """Bootstrap servers of a Kafka that runs at least as long as the ``with`` block.

    Args:
        quick: start it quickly, for tests, rather than have it run well.

    Raises:
        BrokerUnavailableError: none is named by ``KAFKA_BOOTSTRAP_SERVERS``, and Java or Maven is
            missing, the jars cannot be fetched, or the broker does not start.
    """
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if named:
        yield named
        return
    HOME.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with FileLock(HOME / "start.lock"):
            prepare()
            users = stack.enter_context((HOME / "users.lock").open("w"))
            fcntl.flock(users, fcntl.LOCK_SH)
            address = _address() or _start_keeper(quick=quick)
        yield address


@contextlib.contextmanager
def private_broker() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A Kafka of one's own, to stop or kill: its process and its address."""
    HOME.mkdir(parents=True, exist_ok=True)
    prepare()
    with tempfile.TemporaryDirectory() as data:
        broker, (address, *_secured) = _start_broker(Path(data), quick=True)
        try:
            _wait_until_it_answers(broker, address)
            yield broker, address
        finally:
            broker.kill()
            broker.wait()


def prepare() -> None:
    """Have Kafka's jars and a formatted, empty storage folder in ``HOME``; made once."""
    with FileLock(HOME / "prepare.lock"):
        for program in ("java", "mvn", "openssl"):
            if shutil.which(program) is None:
                raise BrokerUnavailableError(
                    f"`{program}` is not installed: install Java 17, Maven and OpenSSL, or set"
                    " KAFKA_BOOTSTRAP_SERVERS to a broker that runs"
                )
        if not (HOME / "libs").is_dir():
            with tempfile.TemporaryDirectory(dir=HOME) as fetched:
                output = f"-DoutputDirectory={fetched}/libs"
                _run("mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", output)
                Path(fetched, "libs").rename(HOME / "libs")
        if not CERTIFICATES.is_dir():
            with tempfile.TemporaryDirectory(dir=HOME) as made:
                Path(made, "certificates").mkdir()
                make_certificates(Path(made, "certificates"))
                Path(made, "certificates").rename(CERTIFICATES)
        if not FORMATTED.is_dir():
            with tempfile.TemporaryDirectory(dir=HOME) as made:
                config = _configured(Path(made), list(range(1, PORTS + 1)))
                identity = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
                tool = ["kafka.tools.StorageTool", "format", "-t", identity, "-c", str(config)]
                _run("java", *QUICK, *CLASSES, *tool, *scram_options())
                Path(made, "storage").rename(FORMATTED)


def _run(*command: str) -> None:
    """Run a program that prepares the broker."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise BrokerUnavailableError(f"`{command[0]}` fails:\n{(run.stdout + run.stderr)[-2000:]}")


def _configured(folder: Path, ports: list[int]) -> Path:
    """Write a broker's configuration: the plain listener, the controller, those of LISTENERS."""
    config = folder / "server.properties"
    secured = dict(zip(LISTENERS, ports[2:], strict=True))
    text = PROPERTIES.format(
        broker=ports[0],
        controller=ports[1],
        secured=",".join(f"{name}://localhost:{port}" for name, port in secured.items()),
        protocols=",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items()),
        data=folder / "storage",
    )
    config.write_text(text + listener_properties(CERTIFICATES))
    return config


def _address() -> str | None:
    """The address of the broker that a keeper has running, if any."""
    try:
        address = (HOME / "address").read_text().split()[0]
    except FileNotFoundError:
        return None
    # A keeper that was killed outright took its broker with it, and left the file.
    return address if answers(address) else None


def secured_listeners() -> Secured:
    """The other listeners of the shared broker, inside a ``with running_broker()``.

    Raises:
        BrokerUnavailableError: another broker is named, of which nothing is known.
    """
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        raise BrokerUnavailableError("KAFKA_BOOTSTRAP_SERVERS names a broker without logins")
    plain, login, clear, mutual, expired = (HOME / "address").read_text().split()
    return Secured(login, clear, mutual, expired, plain, CERTIFICATES)


def answers(address: str) -> bool:
    """Whether something accepts connections there."""
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


def _start_keeper(*, quick: bool) -> str:
    """Start a keeper and wait until its broker answers."""
    with (HOME / "broker.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.support.streams.broker", *(("quick",) if quick else ())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C at the terminal ends the tests first
        )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        if address := _address():
            # The keeper outlives this process; nobody here will wait for it.
            keeper.returncode = 0
            return address
        time.sleep(0.05)
    keeper.terminate()
    printed = (HOME / "broker.log").read_text(errors="replace")
    raise BrokerUnavailableError(f"Kafka does not start:\n{printed[-2000:]}")


def keep(*, quick: bool) -> None:
    """Run a broker until nobody holds the users' lock: the keeper process's whole life."""
    with (HOME / "users.lock").open("w") as users, tempfile.TemporaryDirectory() as data:
        broker, addresses = _start_broker(Path(data), quick=quick)
        try:
            for each in addresses:
                _wait_until_it_answers(broker, each)
            # Whole or not at all: others read it as soon as it is there.
            (HOME / "address.new").write_text(" ".join(addresses))
            (HOME / "address.new").replace(HOME / "address")
            while broker.poll() is None and not _last(users):
                time.sleep(0.3)
        finally:
            (HOME / "address").unlink(missing_ok=True)
            broker.kill()  # its data goes with it, so there is nothing to flush
            broker.wait()


def _last(users: IO[str]) -> bool:
    """Whether no user is left; once true, new users wait until the keeper is gone."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_broker(folder: Path, *, quick: bool) -> tuple[subprocess.Popen[bytes], list[str]]:
    """Start Kafka on a new storage folder below ``folder``; the plain address, and the others."""
    ports, flags = free_ports(PORTS), QUICK if quick else ()
    shutil.copytree(FORMATTED, folder / "storage")
    broker = subprocess.Popen(
        ["java", *flags, *CLASSES, "kafka.Kafka", str(_configured(folder, ports))],
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_its_parent,  # noqa: PLW1509 - it is a single system call
    )
    return broker, [f"127.0.0.1:{ports[0]}", *(f"localhost:{port}" for port in ports[2:])]


def die_with_its_parent() -> None:
    """Ask Linux to end the broker should the process that started it be killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_it_answers(broker: subprocess.Popen[bytes], address: str) -> None:
    """Return when the broker accepts connections."""
    while not answers(address):
        if broker.poll() is not None:
            raise BrokerUnavailableError(f"Kafka ended with status {broker.returncode}")
        time.sleep(0.05)


if __name__ == "__main__":
    keep(quick="quick" in sys.argv[1:])
