"""The assembled command line: light to load, documented whole, and plain about what is wrong."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from converters.errors import UsageError
from converters.show.command_line import WITH_CONFIG, WITH_LOG, as_given, read_config
from serve.cli import _app_for, app
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights

COMMANDS = (
    *("init", "check", "convert", "produce", "learn", "serve", "up", "score", "backfill", "models"),
    *("report", "compare", "status", "try", "diff", "explain"),
    *("show", "promote", "unpin", "rollback", "rollbacks", "history", "scores", "dead-letters"),
    *("replay-dead-letters", "demo", "config", "quarantine", "token"),
)
QUARANTINE_COMMANDS = ("add", "list", "remove", "export", "resubmit")
TOKEN_COMMANDS = ("add", "list", "revoke", "rotate", "forget")
HEAVY = ("vowpalwabbit", "river", "fastapi", "uvicorn", "pandas", "numpy", "pydantic", "sqlalchemy")


def as_process(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command line as users do."""
    return subprocess.run(
        [sys.executable, "-m", "serve.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=100,
    )


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    """What makes help slow is imports, so none of the heavy ones may happen."""
    code = (
        "import sys; sys.argv = ['freshet', '--help']\n"
        "from serve.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.rstrip().endswith("[]")
    for command in COMMANDS:
        assert re.search(rf"^\s+{command}\s", result.stdout, re.MULTILINE), command
    assert "..." not in result.stdout.partition("Commands:")[2], "a first line is cut"


@pytest.mark.parametrize(
    "command", [(), ("serve",), ("dead-letters",), ("token",), ("token", "add")]
)
def test_the_short_option_prints_the_same_help(command: tuple[str, ...]) -> None:
    """``-h`` is ``--help``, also of groups and of commands in them."""
    short, long = freshet(*command, "-h", cwd=ROOT), freshet(*command, "--help", cwd=ROOT)
    assert short.stdout == long.stdout
    assert short.stdout.startswith(" ".join(("Usage: freshet", *command)))
    assert (short.returncode, long.returncode) == (0, 0)


def test_only_the_command_that_is_asked_for_is_made() -> None:
    """Typer makes all that it is given; help, groups and mistakes are about all."""
    every = list(app.registered_commands)
    alone = _app_for(["dead-letters", "--help"])
    assert [each.name for each in alone.registered_commands] == ["dead-letters"]
    assert app.registered_commands == every
    for asked in ([], ["--help"], ["token", "add"], ["dead-leters"]):
        assert _app_for(asked) is app


def test_the_version() -> None:
    """The distribution's, on one line."""
    result = freshet("--version", cwd=ROOT)
    assert result.stdout == f"freshet {metadata.version('freshet-ml')}\n"
    assert result.returncode == 0


def test_the_commands_are_those_of_this_release_and_each_option_is_explained() -> None:
    """No command is missing or too many, and none has an option without a word of help."""
    group = typer.main.get_command(app)
    assert sorted(group.commands) == sorted(COMMANDS)  # type: ignore[attr-defined]
    tokens = group.commands["token"].commands  # type: ignore[attr-defined]
    assert sorted(tokens) == sorted(TOKEN_COMMANDS)
    configs = group.commands["config"].commands  # type: ignore[attr-defined]
    assert list(configs) == ["diff"]
    quarantines = group.commands["quarantine"].commands  # type: ignore[attr-defined]
    assert tuple(quarantines) == QUARANTINE_COMMANDS
    inner = [*tokens.values(), *configs.values(), *quarantines.values()]
    for command in [*group.commands.values(), *inner]:  # type: ignore[attr-defined]
        assert command.help
        silent = [p.name for p in command.params if not getattr(p, "help", "") and p.name != "help"]
        assert silent == [], command.name


def error_of(result: subprocess.CompletedProcess[str], status: int) -> str:
    """The one paragraph on standard error, without a traceback."""
    assert result.returncode == status, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("freshet: ")
    return result.stderr


def test_no_config(tmp_path: Path) -> None:
    """The file that is missing and the way to make one are named."""
    assert re.search(r"no config file freshet.toml.*freshet init", error_of(
        as_process("learn", cwd=tmp_path), 2))  # fmt: skip


def test_a_wrong_key(tmp_path: Path) -> None:
    """File, key and what would be right are named."""
    project = Project(tmp_path / "p")
    text = project.config_file.read_text().replace("[evaluation]", "[evaluaton]")
    project.config_file.write_text(text)
    message = error_of(freshet("models", cwd=project.folder), 2)
    assert re.search(r"freshet.toml.*'evaluaton'.*did you mean 'evaluation'", message)


def test_a_csv_without_the_label_column(tmp_path: Path) -> None:
    """The columns that there are are named."""
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    result = freshet("init", "a.csv", "--label", "late", "--positive", "1", cwd=tmp_path)
    assert re.search(r"late.*does not have.*x.*y", error_of(result, 2))


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    """The port and what to do about it are named, at once."""
    project = Project(tmp_path / "p")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        message = error_of(freshet("serve", "--port", port, cwd=project.folder), 1)
    assert port in message
    assert "--port" in message


def test_a_broker_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is named, within seconds."""
    monkeypatch.setenv("FRESHET_KAFKA__BOOTSTRAP_TIMEOUT_MS", "1000")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    project = Project(tmp_path / "p", log=f"kafka://127.0.0.1:{port}")
    message = error_of(freshet("learn", cwd=project.folder), 1)
    assert f"127.0.0.1:{port}" in message


@pytest.mark.parametrize(
    "command",
    [
        ("produce", "-"),
        *(("learn",), ("serve",), ("up",), ("backfill", "log"), ("scores",), ("dead-letters",)),
        ("replay-dead-letters",),
    ],
    ids=" ".join,
)
def test_a_properties_file_of_kafka(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Every command that opens the log reads it, and says what is wrong with it."""
    project = Project(tmp_path)
    (tmp_path / "client.properties").write_text("acks=all\nsecurity.protocol=SECRET\n")
    config = project.config_file
    config.write_text(re.sub("^log = .*$", "", config.read_text(), flags=re.MULTILINE))
    result = freshet(*command, "--kafka-config", "client.properties", cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert "In client.properties, line 2: the key 'security.protocol' is wrong" in result.stderr
    assert "SECRET" not in result.stderr


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the folder should be is told, not stumbled over."""
    project = Project(tmp_path / "p")
    (project.folder / ".freshet").write_text("in the way")
    message = error_of(freshet("learn", cwd=project.folder), 1)
    assert ".freshet" in message


@pytest.mark.parametrize(
    ("arguments", "closed", "status", "said"),
    [
        ("convert rows.csv", ">&-", 1, "Standard output is closed"),
        ("models --json", ">&-", 1, "Standard output is closed"),
        ("--help", ">&-", 1, "Standard output is closed"),
        ("convert rows.csv -o out.vw", ">&-", 0, "3 rows converted"),
        ("convert -", "<&-", 1, "standard input cannot be read: Bad file descriptor"),
        ("convert rows.csv -o out.vw", "2>&-", 0, ""),
    ],
)
def test_closed_standard_streams(
    tmp_path: Path, arguments: str, closed: str, status: int, said: str
) -> None:
    """A stream that is closed is told where it is needed, and stops nothing where it is not."""
    project = Project(tmp_path / "p")
    with project.registry():
        project.write_csv(flights(3))
    command = f"{sys.executable} -m serve.cli {arguments} {closed}"
    result = subprocess.run(
        ["/bin/sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=project.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        timeout=100,
    )
    assert (result.returncode, result.stderr.count("\n")) == (status, 1 if said else 0)
    assert said in result.stderr
    assert (project.folder / "out.vw").exists() is (status == 0)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("rollback", "1", "--reason", "x", "--learner", "back"), "keep, resume"),
        (("backfill", "log", "--label-delay", "5"), "--label-delay"),
        (("backfill", "rows.csv", "--fresh"), "--fresh"),
        (("produce", "rows.csv", "--label-delay", "5", "--label-time", "landed"), "--label-time"),
        (("produce", "rows.csv", "--rate", "0"), "--rate"),
        (("score", "rows.csv"), "No version"),
        (("history", "--at", "some day"), "--at"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], named: str) -> None:
    """Exit status 2 and the option or the state that is wrong."""
    project = Project(tmp_path / "p")
    with project.registry():
        project.write_csv(flights(3))
    assert named in error_of(freshet(*arguments, cwd=project.folder), 2)


def test_unknown_versions_and_missing_files_exit_with_one(tmp_path: Path) -> None:
    """What is not there is named."""
    project = Project(tmp_path / "p")
    with project.registry():
        pass
    assert "version 7" in error_of(freshet("show", "7", cwd=project.folder), 1)
    missing = freshet("produce", "nowhere.csv", cwd=project.folder)
    assert "nowhere.csv" in error_of(missing, 1)


def call(project: Project, *arguments: str) -> Any:
    """What a command prints as JSON."""
    result = freshet(*arguments, "--json", cwd=project.folder)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.timeout(300)
def test_stream_and_file_by_command(tmp_path: Path) -> None:
    """Produce, learn and both backfills agree, and print what they should."""
    project = Project(tmp_path / "p")
    project.write_csv(flights(400))
    sent = call(project, "produce", "rows.csv", "--label-time", "landed")
    assert (sent["rows"], sent["labels"]) == (400, 400)
    learned = call(project, "learn", "--until-end")
    assert learned["learned"] == 400
    assert list(learned)[:9] == [
        *("events", "learned", "waiting", "expired", "scored_only", "rejected", "duplicates"),
        "quarantined",
        "labels_waiting",
    ]
    made = call(project, "backfill", "rows.csv", "--label-time", "landed")
    again = call(project, "backfill", "log")
    assert made["model_sha256"] == again["model_sha256"] == learned["model_sha256"]
    assert len(call(project, "scores")) == 400
    assert call(project, "dead-letters") == []


@pytest.mark.timeout(300)
def test_versions_by_command(tmp_path: Path) -> None:
    """Show, score, roll back, unpin and the ledger speak of the same versions."""
    project = Project(tmp_path / "p")
    path = project.write_csv(flights(400))
    project.produce(path)
    report = project.learn()
    made = project.backfill(path)
    shown = call(project, "show", str(report["version"]))
    assert shown["model_sha256"] == report["model_sha256"]
    assert shown["learner"]["kind"] == "vw"
    assert shown["largest_weights"]
    knows = call(project, "show", "1", "--weights", "--top", "5", "--readable-model", "model.txt")
    assert [*map(len, (knows["largest"], knows["importances"]["columns"]))] == [5, 4]
    weights = (project.folder / "model.txt").read_text().partition("total_weight")[2]
    assert len(re.findall(r"^\d+:", weights, re.MULTILINE)) == knows["weights"]["weights"]
    scored = call(project, "score", "rows.csv", "-o", "scored.csv")
    assert (scored["version"], scored["scored"]) == (report["version"], 400)
    assert scored["rejected"] == 0
    assert len((project.folder / "scored.csv").read_text().splitlines()) == 401
    call(project, "promote", str(made["version"]), "--reason", "all of history")
    assert call(project, "rollback", "1", "--reason", "worse")["pinned"]
    assert not call(project, "unpin", "--reason", "better")["pinned"]
    actions = [entry["action"] for entry in call(project, "history")]
    assert actions[-3:] == ["promote", "rollback", "unpin"]
    assert [m["version"] for m in call(project, "models")] == [1, 2]


def test_advised_commands_are_given_the_config_of_this_one(tmp_path: Path) -> None:
    """As they stand they would read ``freshet.toml``, which may be another model's."""
    project = Project(tmp_path / "a model")
    read_config(project.config_file)
    told = as_given("See 'freshet dead-letters', freshet models, freshet token add NAME, freshet.")
    option = f"--config '{project.config_file}'"
    assert told == (
        f"See 'freshet dead-letters {option}', freshet models {option}, "
        f"freshet token add {option} NAME, freshet."
    )
    assert as_given(told) == told
    properties = tmp_path / "client.properties"
    properties.write_text("bootstrap.servers=127.0.0.1:1\n")
    text = project.config_file.read_text()
    project.config_file.write_text(re.sub("^log = .*$", "", text, flags=re.MULTILINE))
    read_config(project.config_file, properties)
    assert f"freshet learn {option} --kafka-config {properties}" in as_given("freshet learn")
    assert "--kafka-config" not in as_given("freshet promote 1")


def test_the_options_of_advised_commands_are_theirs() -> None:
    """Of every command: whether it reads a config, and Kafka's properties."""
    with_config, with_log = set(), set()
    for names, command in commands(typer.main.get_command(app)):
        if names == ("init",):  # what is advised makes a config from a file
            continue
        options = {option for parameter in command.params for option in parameter.opts}
        with_config |= {" ".join(names)} if "--config" in options else set()
        with_log |= {" ".join(names)} if "--kafka-config" in options else set()
    assert with_config == set(WITH_CONFIG)
    assert with_log == set(WITH_LOG)


def commands(command: Any, names: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """All commands, those of groups with the group's name before them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(names, command)]
    return [found for name, each in inner.items() for found in commands(each, (*names, name))]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("models", "--config", ""), "--config"),
        (("models", "--config="), "--config"),
        (("score", "rows.csv", "-o", ""), "-o"),
        (("produce", "rows.csv", "--label-time", " "), "--label-time"),
        (("produce", "", "--label-time", "x"), "An argument"),
        (("config", "diff", "--config", ""), "--config"),
        (("report", "--html", ""), "--html"),
    ],
    ids=lambda each: each if isinstance(each, str) else " ".join(each),
)
def test_an_empty_argument_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], named: str
) -> None:
    """As of a shell's variable that is not set: no file or column is without a name."""
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(app, [*arguments]).exception
    assert isinstance(error, UsageError)
    assert str(error) == f"{named} is empty: give it a value, or leave it out."
    assert not list(tmp_path.iterdir())
