"""An empty value is refused where it would mean the working directory, or nothing at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converters.config import load
from converters.config.load import ConfigError
from tests.support.serving.project import Project


@pytest.mark.parametrize("text", ["", " ", "\t"])
@pytest.mark.parametrize(
    "variable",
    [
        *("HOME", "LOG", "REGISTRY", "SNAPSHOTS", "MODEL", "TOPICS__EVENTS", "SERVE__PORT"),
        *("SERVE__HOST", "SERVE__TOKENS", "LEARNER__KIND", "KAFKA__SSL_CAFILE"),
        *("KAFKA__SASL_PLAIN_PASSWORD", "CSV__ENCODING", "EVALUATION__SLICES", "home"),
    ],
)
def test_an_empty_variable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    """The message names it and says what to do; whatever the file says."""
    project = Project(tmp_path)
    monkeypatch.setenv(f"FRESHET_{variable}", text)
    said = rf"environment variable FRESHET_{variable} (is empty\. Unset it|cannot be read)"
    with pytest.raises(ConfigError, match=said):
        load.load(project.config_file)
    assert [path.name for path in tmp_path.iterdir()] == ["freshet.toml"]


@pytest.mark.parametrize("variable", ["SERVE__ADMIN_TOKEN", "LEARNER__ARGS"])
def test_an_empty_variable_that_says_something_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """No token and no arguments: a container may pass a variable on that is not set."""
    project = Project(tmp_path)
    monkeypatch.setenv(f"FRESHET_{variable}", "")
    assert load.load(project.config_file).learner.args in ("", "-b 16")
    assert os.environ[f"FRESHET_{variable}"] == ""


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('log = ""', 'log = " "', "log"),
        ('log = ""', 'home = ""', "home"),
        ('log = ""', 'home = "  "', "home"),
        ('log = ""', 'snapshots = " "', "snapshots"),
        ("[evaluation]", '[serve]\nhost = ""\n[evaluation]', "serve.host"),
        ("[evaluation]", '[serve]\ntokens = ""\n[evaluation]', "serve.tokens"),
        ("[evaluation]", '[serve]\ntls_cert = ""\ntls_key = "k"\n[evaluation]', "serve.tls_cert"),
        ("[evaluation]", '[kafka]\nssl_cafile = ""\n[evaluation]', "kafka.ssl_cafile"),
    ],
)
def test_an_empty_key_is_refused(tmp_path: Path, old: str, new: str, key: str) -> None:
    """By its name, with what would be right; no folder is made of it."""
    project = Project(tmp_path)
    said = f"the key '{key}' is wrong: it is empty; remove it, or give it a value"
    with pytest.raises(ConfigError, match=said):
        project.edited((old, new))


def test_a_place_that_is_empty_in_the_file_is_the_default(tmp_path: Path) -> None:
    """As the reference says of the log, the registry and the snapshots: under home."""
    project = Project(tmp_path).edited(('log = ""', 'log = ""\nregistry = ""\nsnapshots = ""'))
    home = tmp_path / ".freshet"
    assert project.settings.databases == (home / "log.db", home / "registry.db")
    assert project.settings.snapshots == str(home / "snapshots")
