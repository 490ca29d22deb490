"""What docs/kafka.md shows is run: the walk, each connection, and the rights that it lists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from stream.log_kafka.client import Admin
from tests.support import ROOT
from tests.support.serving.command import freshet
from tests.support.streams.secured import (
    API_KEY,
    API_SECRET,
    PASSWORD,
    Secured,
    scram_user,
    unsecured_token,
)

pytestmark = pytest.mark.kafka

PAGE = (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")
ROWS = 400


def blocks(heading: str) -> list[tuple[str, str]]:
    """The blocks of code below a heading, with their languages."""
    section = re.split(r"^##+ ", PAGE.split(f"# {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, unique_name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the example's first rows, whose model has a name of its own."""
    example = tmp_path / "docs" / "example" / "loans.csv"
    example.parent.mkdir(parents=True)
    lines = (ROOT / "docs" / "example" / "loans.csv").read_text("utf-8").splitlines(keepends=True)
    example.write_text("".join(lines[: ROWS + 1]), encoding="utf-8")
    monkeypatch.setenv("FRESHET_MODEL", unique_name)
    return tmp_path


Results = list[CompletedProcess[str]]


def commands(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Results:
    """Run the commands of a block in this process; what each said."""
    results = []
    for line in script.replace("\\\n", "").splitlines():
        program, *arguments = shlex.split(line)
        if program == "export":
            monkeypatch.setenv(*arguments[0].split("=", 1))
            continue
        assert program == "freshet"
        results.append(freshet(*arguments, cwd=folder))
        assert results[-1].returncode == 0, results[-1].stderr
    return results


def configured(folder: Path, toml: str, address: str) -> None:
    """The walk's config with a block of the page in it, and a column in two bins."""
    script = next(
        text for kind, text in blocks("I have a topic") if text.startswith("freshet init")
    )
    result = freshet(*shlex.split(script.replace("\\\n", ""))[1:], cwd=folder)
    assert result.returncode == 0, result.stderr
    toml = re.sub(r"kafka\.example\.com:\d+", address, toml)
    log, _, tables = toml.partition("\n")
    config = folder / "freshet.toml"
    text = re.sub("^# log = .*", log, config.read_text(), flags=re.MULTILINE)
    binned = 'amount = { kind = "numeric", transform = "bucket", edges = [9000] }'
    config.write_text(re.sub("^amount = .*", binned, text, flags=re.MULTILINE) + tables)


def learned(result: CompletedProcess[str], waiting: int = 0) -> bool:
    """Whether all rows were learned but those that wait."""
    counts = f"{ROWS} events so far: {ROWS - waiting} learned, {waiting} waiting, .* 0 rejected"
    return re.search(counts, result.stderr) is not None


@pytest.mark.parametrize(
    ("heading", "listener"),
    [
        ("A plain cluster", "plain"),
        ("A user and a password", "login"),
        ("A client certificate", "mutual"),
        ("A token (OAUTHBEARER)", "login"),
    ],
)
def test_each_connection_learns(
    secured_kafka: Secured, folder: Path, monkeypatch: pytest.MonkeyPatch,
    heading: str, listener: str,
) -> None:  # fmt: skip
    """Each block, with the certificates beside it and the secret where the page says."""
    shutil.copytree(secured_kafka.certificates, folder, dirs_exist_ok=True)
    (folder / "kafka-token").write_text(f"#!/bin/sh\necho {unsecured_token('freshet')}\n")
    (folder / "kafka-token").chmod(0o700)
    monkeypatch.chdir(folder)
    found = blocks(heading)
    toml = next(text for kind, text in found if kind == "toml")
    configured(folder, toml, getattr(secured_kafka, listener))
    secret = "".join(text for kind, text in found if kind == "sh").replace("…", PASSWORD)
    tried = next(text for kind, text in blocks("Connections") if kind == "sh")
    assert learned(commands(secret + tried, folder, monkeypatch)[-1])


def test_a_file_of_a_service_is_all_that_is_needed(
    secured_kafka: Secured, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An API key by a properties file, with a config that says nothing of Kafka."""
    configured(folder, "", "")
    found = dict(blocks("A managed service with an API key"))
    text = re.sub(r"kafka\.example\.com:\d+", secured_kafka.login, found["properties"])
    text = text.replace("username='…'", f"username='{API_KEY}'")
    text = text.replace("password='…'", f"password='{API_SECRET}'")
    assert API_SECRET in text
    # A service's certificate is of a CA that systems know.
    text += f"ssl.truststore.location={secured_kafka.ca}\nssl.truststore.type=PEM\n"
    (folder / "client.properties").write_text(text)
    result = commands(found["sh"], folder, monkeypatch)[-1]
    assert learned(result)
    assert "Not used of client.properties: session.timeout.ms, acks." in result.stderr
    assert API_SECRET not in result.stderr


Rights = dict[str, list[tuple[str, str, str]]]


def rights() -> Rights:
    """The page's table: by the first command of a row, each kind, name and operation."""
    found: Rights = defaultdict(list)
    command = ""
    for first, resource, operations in re.findall(
        r"^\| (.*?) ?\| ((?:topic|transactional).*?) \| (.*?) \|$", PAGE, re.MULTILINE
    ):
        command = first.partition("`")[2].partition("`")[0] or command
        for name in re.findall(r"`(loans\..*?)`", resource):
            found[command] += [(resource.split()[0], name, each) for each in operations.split(", ")]
    return found


def allow(secured: Secured, user: str, granted: list[tuple[str, str, str]]) -> None:
    """Have the broker allow a user this, and wait until it does."""
    from kafka import admin as acls

    kinds = {"topic": acls.ResourceType.TOPIC, "topics": acls.ResourceType.TOPIC}
    wanted = [
        acls.ACL(
            f"User:{user}",
            "*",
            acls.ACLOperation[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()],
            acls.ACLPermissionType.ALLOW,
            acls.ResourcePattern(kinds.get(kind, acls.ResourceType.TRANSACTIONAL_ID), name),
        )
        for kind, name, operation in granted
    ]
    with closing(Admin(bootstrap_servers=secured.plain)) as admin:
        answer = admin.create_acls(wanted)
        assert len(answer["succeeded"]) == len(wanted), answer


ARGUMENTS = {
    "init --from log": ("-o", "proposed.toml"),
    "produce": ("docs/example/loans.csv",),
    "learn": ("--until-end",),
    "quarantine resubmit": ("1", "rows.csv"),
    "quarantine add": ("--skip-time", "events", "1990-01-01..", "--reason", "a test"),
}


def test_the_rights_of_the_page_are_enough(
    secured_kafka: Secured, folder: Path, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command works for a user who may do what its rows say, and no other does."""
    found = {
        command: [(kind, name.replace("loans", unique_name), o) for kind, name, o in granted]
        for command, granted in rights().items()
    }
    assert set(found) >= {"learn", "produce", "backfill log", "scores", "replay-dead-letters"}
    configured(folder, 'log = "kafka://kafka.example.com:1"', secured_kafka.plain)
    # Somebody else made the topics; what any ACL speaks of is closed to all without one.
    commands(
        "freshet produce docs/example/loans.csv\nfreshet learn --until-end", folder, monkeypatch
    )
    everything = sorted({each for granted in found.values() for each in granted})
    allow(secured_kafka, "nobody", everything)
    settings = {
        "LOG": f"kafka://{secured_kafka.login}",
        "KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA__SASL_MECHANISM": "SCRAM-SHA-256",
        "KAFKA__SASL_PLAIN_PASSWORD": "secret",
        "KAFKA__SSL_CAFILE": str(secured_kafka.ca),
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"FRESHET_{name}", value)
    for number, (command, granted) in enumerate(found.items()):
        user = f"{unique_name}-{number}"
        scram_user(secured_kafka, user, "secret")
        monkeypatch.setenv("FRESHET_KAFKA__SASL_PLAIN_USERNAME", user)
        line = [*command.split(), *ARGUMENTS.get(command, ())]
        if command in ("produce", "scores"):  # the others would take a second each
            refused = freshet(*line, cwd=folder)
            assert (refused.returncode, "do not allow" in refused.stderr) == (1, True), command
        allow(secured_kafka, user, granted)
        if command == "quarantine resubmit":
            freshet("quarantine", "export", "1", "-o", "rows.csv", cwd=folder)
        result = freshet(*line, cwd=folder)
        assert result.returncode == 0, f"{command}: {result.stderr}"
        assert "is unknown" not in result.stderr


def test_the_walk(
    kafka_bootstrap: str, folder: Path, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Topics of another program, with its keys, its fields and a week's retention."""
    results: Results = []
    for kind, text in blocks("I have a topic"):
        script = text.replace("localhost:9092", kafka_bootstrap)
        script = re.sub(r'"(loans|settlements)"', rf'"{unique_name}-\1"', script)
        if kind == "python":
            script = f"{shlex.quote(sys.executable)} -W ignore - <<'END'\n{script}END\n"
        if script.startswith("freshet"):
            results += commands(script, folder, monkeypatch)
        else:
            subprocess.run(["sh", "-e", "-c", script], cwd=folder, check=True)
    _, learn, refused, scores = results
    assert learned(learn, waiting=100), learn.stderr
    assert refused.stdout == "topic,partition,offset,row,reason,column,text\n"
    assert scores.stdout.startswith("topic,partition,offset,row,id,score")
    assert scores.stdout.count("\n") == ROWS + 1
