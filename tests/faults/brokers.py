"""One real Kafka broker to stop, kill, pause and start again on its data.

Stands below the tests of faults and :mod:`tests.faults.cluster`, above
:mod:`tests.support.streams.broker`, whose
jars and formatted storage it uses. A broker keeps its port and its folder over all its starts, and
is ended by its own pid.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.streams.broker import (
    CLASSES,
    FORMATTED,
    HOME,
    QUICK,
    answers,
    die_with_its_parent,
    free_ports,
    prepare,
)

HEAP = "-Xmx320m"
# A start on data that a kill left behind first recovers its segments.
PATIENCE_SECONDS = 60.0

# A broker that hangs or was killed is given up, and may come back under its number, after three
# seconds; by default after nine.
EVERY_NODE = """\
node.id={number}
log.dirs={data}
controller.quorum.voters={voter}@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.partitions=1
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=1000
log.cleaner.backoff.ms=500
log.cleaner.dedupe.buffer.size=8388608
"""
ALONE = """\
process.roles=broker,controller
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
"""


@dataclass
class Broker:
    """One node of Kafka: a folder, a number, a port, and a process while it runs.

    Attributes:
        folder: holds its configuration, its data (``storage``) and what it prints.
        number: its node id.
        port: where it listens.
    """

    folder: Path
    number: int
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _paused: bool = False

    @property
    def address(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    @property
    def storage(self) -> Path:
        """Its data; to be copied or put back only while it does not run."""
        return self.folder / "storage"

    def start(self, *, wait: bool = True) -> None:
        """Start it, the first time or again, on the data that are there."""
        assert self.process is None, "it runs"
        with (self.folder / "printed.log").open("ab") as printed:
            self.process = subprocess.Popen(
                ["java", *QUICK, *CLASSES, HEAP, "kafka.Kafka", str(self.folder / "properties")],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                preexec_fn=die_with_its_parent,  # noqa: PLW1509 - it is a single system call
            )
        if wait:
            self.wait_until_it_answers()

    def wait_until_it_answers(self) -> None:
        """Return when it accepts connections."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not answers(self.address):
            assert self.process is not None
            assert self.process.poll() is None, f"it ended: see {self.folder / 'printed.log'}"
            assert time.monotonic() < deadline, "it does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """SIGTERM, and wait: it hands its partitions over and closes its files."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """SIGSTOP while the block lasts: it answers nothing, though its port is open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        self._paused = True
        try:
            yield
        finally:
            self.go_on()

    def go_on(self) -> None:
        """SIGCONT, if it was stopped."""
        if self._paused and self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        self._paused = False

    @property
    def runs(self) -> bool:
        """Whether it has a process."""
        return self.process is not None

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.go_on()
        self.process.send_signal(how)
        self.process.wait(PATIENCE_SECONDS)
        self.process = None


@contextlib.contextmanager
def broker_alone() -> Iterator[Broker]:
    """A broker and controller in one process, running; ended with the block.

    Raises:
        BrokerUnavailableError: there is no Java, or no Kafka.
    """
    HOME.mkdir(parents=True, exist_ok=True)
    prepare()
    with tempfile.TemporaryDirectory() as folder:
        port, controller = free_ports(2)
        broker = made(Path(folder), 1, ALONE, port, (1, controller))
        try:
            broker.start()
            yield broker
        finally:
            broker.kill()


def made(parent: Path, number: int, kind: str, port: int, voter: tuple[int, int]) -> Broker:
    """A broker's folder: its configuration, and storage formatted under its number."""
    folder = parent / str(number)
    shutil.copytree(FORMATTED, folder / "storage")
    _renumber(folder / "storage" / "meta.properties", number)
    text = (EVERY_NODE + kind).format(
        number=number, port=port, voter=voter[0], controller=voter[1], data=folder / "storage"
    )
    (folder / "properties").write_text(text, encoding="utf-8")
    return Broker(folder, number, port)


def _renumber(meta: Path, number: int) -> None:
    """Give a copy of the formatted storage a node of its own; the cluster stays the same."""
    lines: Sequence[str] = meta.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("node.id=", "directory.id="))]
    # Sixteen bytes in base64; the directory's last characters are its number.
    directory = f"AAAAAAAAAAAAAAAAAAAA{number}w"
    meta.write_text("\n".join([*kept, f"node.id={number}", f"directory.id={directory}", ""]))
