"""Every command that the README shows is run, in its order, in a fresh folder."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from time import monotonic, sleep

import pytest

from stream.log_kafka.client import kafka, open_admin
from stream.log_kafka.connection import Connection
from tests.faults.forked_commands import forked_freshet
from tests.support import ROOT

WEEK = {"retention.ms": "604800000"}

README = (ROOT / "README.md").read_text("utf-8")
# Run by itself, against a broker.
BEFORE, TOPIC, BEHIND = re.split(r"### I have a topic\n|(?=## Honest numbers\n)", README)


def blocks(text: str) -> list[str]:
    """The blocks of code in a text, each as a shell runs it."""
    return [
        block if kind == "sh" else f"{shlex.quote(sys.executable)} - <<'END'\n{block}END\n"
        for kind, block in re.findall(r"```(sh|python)\n(.*?)```", text, re.DOTALL)
    ]


MAKE, INSTALL, ELSEWHERE, *BLOCKS = blocks(BEFORE + BEHIND)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A folder with the example, a ``freshet`` on the PATH, and a port of its own."""
    shutil.copytree(ROOT / "docs" / "example", tmp_path / "docs" / "example")
    command = tmp_path / "bin" / "freshet"
    command.parent.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with forked_freshet(command):
        yield {
            **os.environ,
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "FRESHET_SERVE__PORT": str(port),
        }


@contextmanager
def running(command: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """The command in the background, until the server has a model; stopped by SIGTERM."""
    process = subprocess.Popen(command.split(), cwd=folder, env=environment)
    try:
        address = f"http://127.0.0.1:{environment['FRESHET_SERVE__PORT']}/health/ready"
        until = monotonic() + 100
        while not answers(address):
            assert process.poll() is None
            assert monotonic() < until
            sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(60)
    assert status == 0


def answers(address: str) -> bool:
    """Whether a GET is answered with 200."""
    try:
        with urllib.request.urlopen(address, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.timeout(600)
def test_every_command_of_the_readme_runs(tmp_path: Path, environment: dict[str, str]) -> None:
    """From `init` to `promote`, with `up` running from where the README starts it."""
    place = next(n for n, block in enumerate(BLOCKS) if block.strip() == "freshet up")
    assert "make demo" in MAKE
    said = [run(block, tmp_path, environment) for block in BLOCKS[:place]]
    with running(BLOCKS[place], tmp_path, environment):
        said += [run(block, tmp_path, environment) for block in BLOCKS[place + 1 :]]
    everything = "".join(said)
    assert '"score":' in everything
    assert '"version":' in everything
    assert (tmp_path / "scored.csv").exists()
    assert "Quarantine 1 holds loans.labels" in everything
    commands = set(re.findall(r"^ *freshet (\S+)", "".join(BLOCKS), re.MULTILINE))
    assert {"init", "produce", "up", "models", "rollback", "backfill", "unpin"} <= commands


@pytest.mark.kafka
def test_the_walk_from_somebody_elses_topics_to_predictions_runs(
    tmp_path: Path, environment: dict[str, str], kafka_bootstrap: str, unique_name: str
) -> None:
    """On topics as others make and fill them: a week's retention, keys, nested, deletes."""
    names = {name: f"{unique_name}-{name}" for name in ("loans", "settlements")}
    with closing(open_admin(Connection(kafka_bootstrap))) as admin:
        week = {"num_partitions": 2, "replication_factor": 1, "configs": WEEK}
        admin.create_topics(dict.fromkeys(names.values(), week))
    fill(kafka_bootstrap, names, 300)
    environment["FRESHET_MODEL"] = unique_name
    for block in blocks(TOPIC):
        script = block.replace("localhost:9092", kafka_bootstrap).replace("5000", "2000")
        for name, unique in names.items():
            script = script.replace(f'"{name}"', f'"{unique}"')
        said = run(script, tmp_path, environment)
    assert "tombstone" in said
    scored = (tmp_path / "predictions.csv").read_text(encoding="utf-8").splitlines()
    assert len(scored) == 301
    assert len({line.split(",")[2] for line in scored}) > 100


def fill(servers: str, topics: Mapping[str, str], count: int) -> None:
    """Send loans, and their outcomes, as applications do."""
    with (ROOT / "docs" / "example" / "loans.csv").open(encoding="utf-8", newline="") as file:
        loans = list(islice(csv.DictReader(file), count))
    with closing(kafka.KafkaProducer(bootstrap_servers=servers)) as producer:
        for row in loans:
            del row["settled"]
            outcome = {"loan": row["loan"], "defaulted": row.pop("defaulted"), "by": "office"}
            for topic, payload in ("loans", row | {"tags": ["a"]}), ("settlements", outcome):
                value = json.dumps({"op": "c", "payload": payload}).encode()
                producer.send(topics[topic], value, key=b"\xff" + row["loan"].encode())
        producer.send(topics["loans"], None, key=b"\xff")


def checkout(folder: Path) -> Path:
    """A copy of what a wheel is made of, in which `make` finds everything set up."""
    source = folder / "checkout"
    skipped = shutil.ignore_patterns("__pycache__")
    for name in ("converters", "learners", "stream", "serve"):
        shutil.copytree(ROOT / name, source / name, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile"):
        shutil.copy(ROOT / name, source / name)
    for path, text in {".ci/set-up": "", ".venv/bin/python": f'exec {sys.executable} "$@"'}.items():
        (source / path).parent.mkdir(parents=True)
        (source / path).write_text(f"#!/bin/sh\n{text}\n")
        (source / path).chmod(0o755)
    return source


def lines(block: str) -> list[str]:
    """The commands of a block, without comments."""
    return [line.partition("  #")[0].strip() for line in block.splitlines()]


def install(command: str, source: Path, target: Path) -> None:
    """Run what `pip install` does, into a folder, without fetching dependencies."""
    program, verb, what = shlex.split(command)
    assert (program, verb) == ("pip", "install")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    # Nor are its modules compiled, which takes longer than all the rest.
    options += ["--no-compile"] if find_spec("pip") else []
    subprocess.run(
        [*installer(), "install", *options, what], cwd=source, check=True, capture_output=True
    )
    assert (target / "bin" / "freshet").exists()
    assert list(target.glob("freshet_ml-*.dist-info"))


@pytest.mark.timeout(300)
def test_every_install_command_of_the_readme_gives_the_command(tmp_path: Path) -> None:
    """Each is run on a copy of what a wheel is made of, without fetching dependencies."""
    source = checkout(tmp_path)
    commands = lines(INSTALL)
    assert len(commands) == 2
    for number, command in enumerate(commands):
        install(command, source, tmp_path / str(number))


@pytest.mark.timeout(300)
def test_freshet_installs_and_runs_without_a_checkout(tmp_path: Path) -> None:
    """From the repository's address, and from the wheel of `make wheel`, which runs elsewhere."""
    of_address, make_wheel, of_wheel = lines(ELSEWHERE)
    source, target = checkout(tmp_path), tmp_path / "target"
    subprocess.run(make_wheel.split(), cwd=source, check=True, capture_output=True)
    install(of_wheel, source / "dist", target)
    commit = "git init -q . && git add . && git -c user.name=x -c user.email=x commit -qm x"
    subprocess.run(["sh", "-ec", commit], cwd=source, check=True)
    address = of_address.replace("https://git.example.com/freshet.git", source.as_uri())
    install(address, tmp_path, tmp_path / "of-address")
    shutil.rmtree(source)
    shutil.copytree(ROOT / "docs" / "example", tmp_path / "docs" / "example")
    environment = {**os.environ, "PYTHONPATH": str(target)}
    place = f"{sys.executable} -c 'import serve.cli; print(serve.cli.__file__)'"
    program = f"{sys.executable} {target}/bin/freshet"
    init = BLOCKS[1].replace("freshet", program, 1)
    script = f"{place}\n{program} --help\n{init}\n{program} check docs/example/loans.csv"
    result = subprocess.run(
        ["sh", "-ec", script], cwd=tmp_path, env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    first, *said = result.stdout.splitlines()
    assert Path(first).is_relative_to(target)
    assert "Usage: freshet" in "".join(said)
    assert (target / "serve" / "dashboard" / "index.html").exists()


def installer() -> list[str]:
    """Pip, or what stands in for it in an environment that uv made."""
    if find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    return ["uv", "pip"]


def run(block: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a block as a shell does, stopping at the first error; what it printed."""
    script = block.replace("127.0.0.1:8000", f"127.0.0.1:{environment['FRESHET_SERVE__PORT']}")
    script = script.replace("curl --silent", "curl --silent --fail-with-body")
    result = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert result.returncode == 0, f"{script}\n{result.stdout}\n{result.stderr}"
    return result.stdout
