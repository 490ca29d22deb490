"""A real Apache Kafka for tests and benchmarks: found by address, or started from Maven Central.

Stands below ``conftest.py``'s ``kafka_bootstrap`` and below the benchmarks.
``KAFKA_BOOTSTRAP_SERVERS`` names a broker that runs already; otherwise the jars that
``kafka-broker/pom.xml`` names are fetched once into ``.cache/``, and one KRaft broker is shared by
every process that asks for one at the same time.

A *keeper* process owns that broker. Each user holds a shared lock on a file, which the kernel takes
back however the user dies; when the keeper gets the exclusive lock nobody is left, and it stops the
broker by its own pid. So neither a crashed run nor a killed worker leaves a broker behind.
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

KAFKA_VERSION = "4.1.0"
ROOT = Path(__file__).resolve().parent.parent
POM = ROOT / "tests" / "kafka-broker" / "pom.xml"
HOME = ROOT / ".cache" / f"kafka-{KAFKA_VERSION}"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
PR_SET_PDEATHSIG = 1  # from Linux's <sys/prctl.h>

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
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
def running_broker() -> Iterator[str]:
    """Bootstrap servers of a Kafka that runs at least as long as the ``with`` block.

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
            _fetch_jars()
            users = stack.enter_context((HOME / "users.lock").open("w"))
            fcntl.flock(users, fcntl.LOCK_SH)
            address = _address() or _start_keeper()
        yield address


def _fetch_jars() -> None:
    """Put Kafka's jars into ``HOME/libs``, once."""
    if (HOME / "libs").is_dir():
        return
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise BrokerUnavailableError(
                f"`{program}` is not installed: install Java 17 and Maven, or set"
                " KAFKA_BOOTSTRAP_SERVERS to a broker that runs"
            )
    with tempfile.TemporaryDirectory(dir=HOME) as fetched:
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        run = subprocess.run(
            [*command, f"-DoutputDirectory={fetched}/libs"],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise BrokerUnavailableError(f"Maven cannot fetch Kafka: {run.stdout[-2000:]}")
        Path(fetched, "libs").rename(HOME / "libs")


def _address() -> str | None:
    """The address of the broker that a keeper has running, if any."""
    with contextlib.suppress(FileNotFoundError):
        return (HOME / "address").read_text()
    return None


def _start_keeper() -> str:
    """Start a keeper and wait until its broker answers."""
    with (HOME / "broker.log").open("w") as log:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "tests.broker"],
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
    raise BrokerUnavailableError(f"Kafka does not start:\n{_log_end()}")


def _log_end() -> str:
    """The last lines that the broker printed."""
    return (HOME / "broker.log").read_text(errors="replace")[-2000:]


def keep() -> None:
    """Run a broker until nobody holds the users' lock: the keeper process's whole life."""
    with (HOME / "users.lock").open("w") as users, tempfile.TemporaryDirectory() as data:
        broker, address = _start_broker(Path(data))
        try:
            _wait_until_it_answers(broker, address)
            (HOME / "address").write_text(address)
            while broker.poll() is None and not _last(users):
                time.sleep(0.3)
        finally:
            (HOME / "address").unlink(missing_ok=True)
            broker.terminate()
            try:
                broker.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                broker.kill()
                broker.wait()


def _last(users: IO[str]) -> bool:
    """Whether no user is left; once true, new users wait until the keeper is gone."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start_broker(data: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Format a storage folder below ``data`` and start Kafka on it."""
    ports = _free_ports(2)
    config = data / "server.properties"
    config.write_text(PROPERTIES.format(broker=ports[0], controller=ports[1], data=data / "log"))
    java = ["java", "-Xmx512m", "-cp", str(HOME / "libs" / "*")]
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", _cluster_id(), "-c", str(config)],
        check=True,
    )
    broker = subprocess.Popen(
        [*java, "kafka.Kafka", str(config)],
        preexec_fn=_die_with_the_keeper,  # noqa: PLW1509 - the keeper has one thread
    )
    return broker, f"127.0.0.1:{ports[0]}"


def _cluster_id() -> str:
    """A random cluster id in Kafka's own form: 16 bytes, base64 for URLs, unpadded."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()


def _die_with_the_keeper() -> None:
    """Ask Linux to end the broker should its keeper be killed outright."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    """Ports of the loopback interface that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_it_answers(broker: subprocess.Popen[bytes], address: str) -> None:
    """Return when the broker accepts connections."""
    host, port = address.split(":")
    while broker.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"Kafka ended with status {broker.returncode}")


if __name__ == "__main__":
    keep()
