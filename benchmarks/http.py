"""The HTTP server under load: one row a request, batches of rows, and while versions are swapped.

One worker, sixteen connections from another process. Scoring needs a token, every limit is on, and
each request brings an id; the access log is off, as by default. What a request costs is compared
with the same server's empty route, which needs no token; what a batch costs the server's processor,
with what the same rows cost one that reads, converts and scores them as blocks of CSV in process,
by the same version. Versions that are swapped are two of one
model, as large as the flights make it, taken in turn.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time, sleep
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.data import config, write_flights
from benchmarks.ports import free_port
from benchmarks.table import Measured, paired
from converters.config import load as settings_file
from converters.config.settings import Settings
from converters.convert.records import RowReader
from converters.convert.row_block import MOST_IN_BLOCK
from converters.files.framing import plain_lines
from converters.schema.schema import Schema, from_settings
from learners.registry import Registry
from learners.versions.score_file import block_scores
from learners.versions.served_learner import loaded
from serve.access.local_admin import local_admin_token

ROWS, BATCH = 30_000, 1_000
# In process, and of batches.
ROUNDS, PAIRS = 200, 7
SECONDS, CONNECTIONS = 3.0, 16
SWAP_SECONDS = 1.0
TEXT = config("bench", "", "", "", "-b 22 --coin")
JSON_BODY, CSV_BODY = "application/json", "text/csv"


@dataclass(frozen=True)
class Served:
    """A running server, its config, and rows that its model knows."""

    port: int
    settings: Settings
    schema: Schema
    header: str
    lines: list[str]
    token: str
    processes: tuple[int, ...]

    def load(self, path: str, kind: str = "", body: str = "") -> dict[str, float]:
        """What the load generator says of one request."""
        method = "POST" if body else "GET"
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if body:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body.encode())}\r\n"
            head += f"Authorization: Bearer {self.token}\r\nX-Request-ID: measured-1\r\n"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "benchmarks.http_load"),
                *(str(self.port), str(SECONDS), str(CONNECTIONS)),
            ],
            input=f"{head}\r\n{body}".encode(),
            stdout=subprocess.PIPE,
            check=True,
            timeout=10 * SECONDS,
        )
        found: dict[str, float] = json.loads(done.stdout)
        if found["failed"]:
            raise SystemExit(f"{found['failed']:.0f} requests to {path} failed")
        return found

    def processor_seconds(self) -> float:
        """What the server's processes have taken so far."""
        taken = 0
        for process in self.processes:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            taken += int(fields[11]) + int(fields[12])
        return taken / os.sysconf("SC_CLK_TCK")

    def objects(self, rows: int) -> list[dict[str, str]]:
        """Rows as JSON objects of text, the label left out."""
        names = self.header.split(",")
        found = [dict(zip(names, line.split(","), strict=True)) for line in self.lines[:rows]]
        return [{name: cell for name, cell in row.items() if name != "late"} for row in found]


def run() -> list[Measured]:
    """The table's lines about HTTP."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), TEXT) as server:
        single = json.dumps(server.objects(1)[0])
        csv = "\n".join([server.header, *server.lines[:BATCH], ""])
        objects = json.dumps(server.objects(BATCH))
        return [
            _single(server, single),
            _batch(server, "CSV", CSV_BODY, csv),
            # Parsing the keys of every object alone takes half as long as scoring its row.
            _batch(server, "JSON objects", JSON_BODY, objects),
            _swapping(server, single),
        ]


def _single(served: Served, body: str) -> Measured:
    ratio, ours, theirs = paired(
        lambda: served.load("/predict", JSON_BODY, body)["rate"],
        lambda: served.load("/health/live")["rate"],
    )
    return Measured(
        "one row a request over HTTP, with a token and an id",
        *(ratio, "x the same server's empty route", "0.8", ratio >= 0.8),
        f"{ours:,.0f} against {theirs:,.0f} requests/s",
    )


def _batch(served: Served, name: str, kind: str, body: str) -> Measured:
    with closing(Registry(served.settings.registry, served.settings.model)) as registry:
        version = registry.versions.find(registry.serving.pointers().serving or 0)
    reader = RowReader(served.schema)
    blocks = [
        "\n".join(served.lines[at : min(at + MOST_IN_BLOCK, BATCH)]).encode()
        for at in range(0, BATCH, MOST_IN_BLOCK)
    ]
    with loaded(served.settings, version) as learner:

        def over_http() -> float:
            before = served.processor_seconds()
            answers = served.load("/predict", kind, body)["answers"]
            return BATCH * answers / (served.processor_seconds() - before)

        def in_process() -> float:
            began = process_time()
            for _ in range(ROUNDS):
                for block in blocks:
                    columns = reader.conversion.columns(plain_lines(block) or [], ",")
                    assert columns is not None, "each has enough good lines"
                    block_scores(learner, reader.conversion.row_block(columns))
            return ROUNDS * BATCH / (process_time() - began)

        ratio, ours, theirs = paired(over_http, in_process, PAIRS)
    return Measured(
        f"{BATCH:,} rows a request over HTTP, {name}",
        *(ratio, "x scoring the same blocks in process", "0.6", ratio >= 0.6),
        f"{ours:,.0f} against {theirs:,.0f} rows a second of a processor",
    )


def _swapping(served: Served, body: str) -> Measured:
    """Single rows while another version takes over each second."""
    calm = served.load("/predict", JSON_BODY, body)
    stop = threading.Event()
    swapper = threading.Thread(target=_swap, args=(served, stop))
    swapper.start()
    try:
        swapped = served.load("/predict", JSON_BODY, body)
    finally:
        stop.set()
        swapper.join()
    longest = 1e3 * swapped["max"]
    return Measured(
        f"longest answer while versions are swapped every {SWAP_SECONDS:g} s, none failed",
        *(longest, "ms", "1,000", longest < 1000),
        f"p99 {1e3 * swapped['p99']:.1f} ms against {1e3 * calm['p99']:.1f} ms without",
    )


def _swap(served: Served, stop: threading.Event) -> None:
    version = 1
    while not stop.wait(SWAP_SECONDS):
        version = 3 - version
        _post(served, "/rollback", {"version": version, "reason": "measured"})


@contextmanager
def served(
    folder: Path, text: str, write_rows: Callable[[Path, int], object] = write_flights
) -> Iterator[Served]:
    """Two versions of a model of flights, and a server of them.

    Args:
        folder: for all of it.
        text: of the config.
        write_rows: writes so many flights, as the config's columns are.
    """
    toml, flights, port = folder / "freshet.toml", folder / "flights.csv", free_port()
    toml.write_text(text)
    for rows in (ROWS // 2, ROWS):
        write_rows(flights, rows)
        _freshet("backfill", str(flights), "--promote", config=toml)
    header, *lines = flights.read_text().splitlines()
    settings = settings_file.load(toml)
    token = _freshet("token", "add", "measured", "--scope", "score", config=toml)
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "serve.cli", "serve"),
            *("--port", str(port), "--config", str(toml)),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _ready(port):
            sleep(0.1)
        schema = from_settings(settings)
        yield Served(port, settings, schema, header, lines, token, _family(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _family(process: int) -> tuple[int, ...]:
    """A process and those that it has begun."""
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return (process, *(each for child in listed for each in _family(int(child))))


def _ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=30):
            return True
    except OSError:
        return False


def _post(served: Served, path: str, content: dict[str, Any]) -> None:
    token = local_admin_token(served.settings)
    request = Request(
        f"http://127.0.0.1:{served.port}{path}",
        json.dumps(content).encode(),
        {"Content-Type": JSON_BODY, "Authorization": f"Bearer {token}"},
    )
    with urlopen(request, timeout=30):
        return


def _freshet(*arguments: str, config: Path) -> str:
    """What a command prints."""
    command = [sys.executable, "-m", "serve.cli", *arguments, "--config", str(config)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
