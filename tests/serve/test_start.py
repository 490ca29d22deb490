"""What each command imports: that is most of its start, and modules are counted, not seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.serving.project import Project, flights

OURS = frozenset({"converters", "learners", "stream", "serve"})
# What every command needs: its options.
LIGHT = frozenset({"typer", "annotated_doc", "shellingham"})
# What reads a config, and files that may be compressed.
CONFIG = LIGHT | {
    "backports",
    *("pydantic", "pydantic_core", "typing_inspection", "typing_extensions", "annotated_types"),
    "orjson",
}
ARRAYS = CONFIG | {"numpy"}
REGISTRY = ARRAYS | {"sqlalchemy"}
MODEL = REGISTRY | {"vowpalwabbit", "pylibvw"}
# As soon as a line is logged.
LOGGED = frozenset({"structlog"})
SERVER = MODEL | LOGGED | {
    *("rich", "pygments", "attr"),
    *("fastapi", "starlette", "anyio", "sniffio", "annotated_doc", "uvicorn", "h11", "httptools"),
    *("uvloop", "click", "prometheus_client", "filelock", "cryptography", "watchfiles"),
    *("websockets", "dotenv", "yaml", "idna", "opentelemetry"),
    *("snappy", "cramjam"),  # of the client of Prometheus
}  # fmt: skip
# Of the standard library, these take as long as a small package.
SLOW = frozenset({"asyncio", "ssl", "multiprocessing", "unittest", "xml", "tkinter"})


@dataclass(frozen=True)
class Start:
    """What a start may import.

    Attributes:
        packages: of others, by name.
        most: how many modules of ours and of others. Raise it for what is worth its time alone.
        slow: which of the slow ones of the standard library.
    """

    packages: frozenset[str]
    most: int
    slow: frozenset[str] = frozenset()


# SQLAlchemy and structlog import these.
EVENT_LOOP = frozenset({"asyncio", "ssl"})
COMMANDS = {
    ("--help",): Start(LIGHT, 72),
    ("learn", "--help"): Start(CONFIG, 135),
    ("score", "--help"): Start(CONFIG, 135),
    ("serve", "--help"): Start(CONFIG, 135),
    ("convert", "rows.csv"): Start(ARRAYS, 262),
    ("score", "rows.csv"): Start(MODEL, 410, EVENT_LOOP),
    ("status",): Start(REGISTRY, 365, EVENT_LOOP),
    ("backfill", "rows.csv"): Start(MODEL | LOGGED, 500, EVENT_LOOP),
    ("learn", "--until-end"): Start(MODEL | LOGGED | {"filelock"}, 528, EVENT_LOOP),
}
RUN = "import sys; sys.argv = ['freshet', *{arguments!r}]; from serve.cli import main; main()"
# What a process of its own imports before it reads the log.
READER = "import stream.reading.reader_main as reader; reader.import_for('sqlite')"
SERVE = "import serve.server.server, serve.app"

TELL = """
import atexit, json, os, sys
atexit.register(lambda: os.write({descriptor}, json.dumps(sorted(sys.modules)).encode()))
"""


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A model with a version, in a SQLite log that a process of its own reads."""
    project = Project(tmp_path_factory.mktemp("learned"), args="-b 10", processes=2)
    project.produce(project.write_csv(flights(20)))
    project.learn()
    return project


def modules_of(program: str, folder: Path) -> list[str]:
    """What is imported when a program ends."""
    told = folder / "modules.json"
    with told.open("wb") as file:
        subprocess.run(
            [sys.executable, "-c", TELL.format(descriptor=file.fileno()) + program],
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            pass_fds=[file.fileno()],
            capture_output=True,
            check=True,
            timeout=100,
        )
    found: list[str] = json.loads(told.read_bytes())
    return found


def check(name: str, modules: list[str], allowed: Start) -> None:
    """Fail with the names of those that are new."""
    installed = packages_distributions().keys() - OURS - {"_distutils_hack"}
    counts = Counter(module.partition(".")[0] for module in modules)
    newcomers = sorted(counts.keys() & (installed | SLOW) - allowed.packages - allowed.slow)
    assert not newcomers, (
        f"{name} imports {', '.join(newcomers)}, which it did not: import it where it is used, or "
        "allow it here."
    )
    counted = {package: n for package, n in counts.most_common() if package in installed | OURS}
    assert sum(counted.values()) <= allowed.most, (
        f"{name} imports {sum(counted.values())} modules, at most {allowed.most} before: {counted}."
    )


@pytest.mark.parametrize(("arguments", "allowed"), COMMANDS.items(), ids=map(" ".join, COMMANDS))
def test_a_command_imports_what_it_needs(
    learned: Project, arguments: tuple[str, ...], allowed: Start
) -> None:
    """No package of others but those it is known to need, and no more modules than it had."""
    modules = modules_of(RUN.format(arguments=arguments), learned.folder)
    check(f"'freshet {' '.join(arguments)}'", modules, allowed)


def test_a_command_ends_without_looking_for_garbage(tmp_path: Path) -> None:
    """All that is left when it ends is frozen; no thread spins, and no plugin is looked for."""
    told = tmp_path / "told.json"
    tell = (
        "import atexit, gc, json, os; atexit.register(lambda: open('told.json', 'w').write("
        "json.dumps([gc.get_freeze_count(), *map(os.environ.get, "
        "['OPENBLAS_NUM_THREADS', 'PYDANTIC_DISABLE_PLUGINS'])])))"
    )
    program = f"{tell}\n{RUN.format(arguments=('--help',))}"
    where = {"PYTHONPATH": str(ROOT), "PATH": ""}
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=where, capture_output=True, check=True
    )
    frozen, threads, no_plugins = json.loads(told.read_text(encoding="utf-8"))
    assert frozen > 1_000
    assert (threads, no_plugins) == ("1", "1")


def test_the_reader_process_imports_what_it_needs(tmp_path: Path) -> None:
    """It starts beside the learner, and has no part of it."""
    allowed = Start(ARRAYS - {"typer", "annotated_doc", "shellingham"}, 247)
    check("the reader process", modules_of(READER, tmp_path), allowed)


def test_the_server_imports_what_it_needs(tmp_path: Path) -> None:
    """No library of an offline analysis, and none of a log that it does not use."""
    check(
        "the server",
        modules_of(SERVE, tmp_path),
        Start(SERVER, 812, EVENT_LOOP | {"multiprocessing"}),
    )


def test_a_newcomer_is_named() -> None:
    """The message says which package is new, and which have how many modules."""
    with pytest.raises(AssertionError, match=r"'freshet x' imports numpy, sqlalchemy, which"):
        check("'freshet x'", ["numpy", "sqlalchemy.sql", "typer"], Start(LIGHT, 80))
    with pytest.raises(AssertionError, match=r"3 modules, at most 2 .*'serve': 2, 'typer': 1"):
        check("'freshet x'", ["serve", "serve.cli", "typer"], Start(LIGHT, 2))
