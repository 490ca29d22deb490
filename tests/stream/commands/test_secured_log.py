"""Freshet from end to end over TLS with a login: every command connects with the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from converters.config.settings import ServeSettings
from stream.learner.loop import Learning
from stream.learner.process import assembled
from stream.log.batch import Batch
from stream.log.contract import LogError
from stream.log_kafka import reader
from stream.reading import assignment as assigned
from stream.resolved_config import ResolvedConfig
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights, same
from tests.support.streams.secured import PASSWORD, USER, Secured, scram_user

pytestmark = pytest.mark.kafka
ROWS = 400
SECTION = """\
[kafka]
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_plain_username = "{user}"
ssl_cafile = "{ca}"
compression_type = "{codec}"
"""
VARIABLE = "FRESHET_KAFKA__SASL_PLAIN_PASSWORD"


@pytest.fixture
def project(
    secured_kafka: Secured, tmp_path: Path, unique_name: str, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A model whose log asks for a login over TLS; the reader is a process of its own."""
    monkeypatch.setenv(VARIABLE, PASSWORD)
    section = SECTION.format(user=USER, ca=secured_kafka.ca, codec="lz4")
    log = f"kafka://{secured_kafka.login}"
    return Project(tmp_path / "p", log=log, model=unique_name, processes=2, more=section)


def test_a_model_is_learned_over_tls_in_two_processes(project: Project, tmp_path: Path) -> None:
    """Produced, learned, listed and made again from the log, as from a log without all that."""
    rows = [*flights(ROWS), ["bad", "never"]]
    plain = Project(tmp_path / "plain")
    plain.produce(plain.write_csv(rows))
    project.write_csv(rows)
    spoken = []
    for command in (
        ("produce", "rows.csv"),
        ("learn", "--until-end", "--json"),
        ("scores",),
        ("dead-letters", "--json"),
        ("backfill", "log", "--json"),
    ):
        run = freshet(*command, cwd=project.folder)
        assert run.returncode == 0, run.stderr
        spoken.append(run)
    _, learned, scores, refused, again = (run.stdout for run in spoken)
    assert same(json.loads(learned)) == same(plain.learn())
    assert len(scores.splitlines()) == ROWS + 1
    assert [each["reason"] for each in json.loads(refused)] == ["wrong-width"]
    model = "model_sha256"
    assert json.loads(again)[model] == json.loads(learned)[model]
    assert PASSWORD not in "".join(run.stdout + run.stderr for run in spoken)
    assert_no_file_has(project.folder, PASSWORD)


def assert_no_file_has(folder: Path, secret: str) -> None:
    """Nothing that was written holds a secret."""
    holding = [f for f in folder.rglob("*") if f.is_file() and secret.encode() in f.read_bytes()]
    assert holding == []


def test_a_reader_gets_the_secrets_with_its_assignment(project: Project) -> None:
    """As its first line, and nowhere else; those of the server stay here."""
    serve = ServeSettings(admin_token=SecretStr("t0ken-of-admin"))
    settings = project.settings.model_copy(update={"serve": serve})
    context = ResolvedConfig(settings, project.schema, project.context.spec)
    line = assigned.to_json(assigned.Assignment(context, {}, {}, [], None, 1))
    assert b"t0ken-of-admin" not in line
    there = assigned.from_json(line).context.settings
    assert there.kafka == settings.kafka
    assert there.kafka.sasl_plain_password is not None
    assert there.kafka.sasl_plain_password.get_secret_value() == PASSWORD
    assert PASSWORD not in repr(there)


def test_a_learner_whose_password_is_revoked_ends_with_the_reason(
    secured_kafka: Secured, unique_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for what nobody will change by itself, and is not silent."""
    monkeypatch.setattr(reader, "QUIET_SECONDS", 0.5)
    monkeypatch.setenv(VARIABLE, PASSWORD)
    scram_user(secured_kafka, unique_name, PASSWORD)
    section = SECTION.format(user=unique_name, ca=secured_kafka.ca, codec="none")
    section = section.replace("SASL_SSL", "SASL_PLAINTEXT").replace("ssl_cafile", "# ssl_cafile")
    log = f"kafka://{secured_kafka.clear}"
    project = Project(tmp_path / "p", log=log, model=unique_name, more=section)
    project.produce(project.write_csv(flights(50)))

    def revoke(_batch: Batch, _learning: Learning) -> None:
        scram_user(secured_kafka, unique_name, "another")

    with (
        assembled(project.context) as process,
        pytest.raises(LogError, match=rf"'{unique_name}' by SCRAM-SHA-512.*sasl_plain_password"),
    ):
        process.run(revoke, until_end=False)
