"""The config file and the environment: what is read, and what is said of every mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from converters.config import load
from converters.config.load import ConfigError
from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.show.command_line import read_config

GOOD = """\
model = "loans"

[label]
positive = ["1"]
negative = ["0"]

[columns]
late = { role = "label" }
Amount = { kind = "numeric" }
"""


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith(load.PREFIX):
            monkeypatch.delenv(variable)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good config file."""
    path = tmp_path / "freshet.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def load_changed(file: Path, old: str, new: str) -> Settings:
    """Load the good config with one piece replaced (or put in front, if ``old`` is empty)."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    return load.load(file)


def test_reads_the_file(file: Path) -> None:
    """A good file gives its values, and the defaults for what it does not say."""
    settings = load.load(file)
    assert settings.model == "loans"
    assert settings.columns["Amount"].kind == "numeric"
    assert settings.serve.port == 8000


def test_state_lies_beside_the_config(file: Path) -> None:
    """Log, registry and snapshots are under the home folder, which is beside the config."""
    settings = load.load(file)
    home = file.parent / ".freshet"
    assert settings.home == home
    assert settings.log == f"sqlite:///{home}/log.db"
    assert settings.registry == f"sqlite:///{home}/registry.db"
    assert settings.snapshots == f"{home}/snapshots"


def test_working_directory_decides_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A config named by a relative path gives the same absolute places."""
    absolute = load.load(file)
    monkeypatch.chdir(file.parent)
    assert load.load(Path(file.name)) == absolute


def test_relative_places_start_at_the_config(file: Path) -> None:
    """A relative SQLite path and a relative folder are beside the config file."""
    settings = load_changed(file, "", 'log = "sqlite:///events.db"\nsnapshots = "kept"\n')
    assert settings.log == f"sqlite:///{file.parent}/events.db"
    assert settings.snapshots == f"{file.parent}/kept"


@pytest.mark.parametrize(
    ("command", "run"),
    [("./get -x 'a b'", "{0}/get -x 'a b'"), ("get ./x", "get ./x"), ("'./get", "'./get")],
)
def test_a_path_of_a_program_starts_at_the_config(file: Path, command: str, run: str) -> None:
    """Its arguments are its own business, and so is a name that is looked for on the path."""
    settings = load_changed(file, "", f'kafka.oauth_token_command = "{command}"\n')
    assert settings.kafka.oauth_token_command == run.format(file.parent)


def test_tilde_is_the_home_folder_of_the_user(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``~`` in a path means the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    settings = load_changed(file, "", 'home = "~/h"\nlog = "sqlite:///~/l.db"\nsnapshots = "~/s"\n')
    me = tmp_path / "me"
    assert (settings.home, settings.log) == (me / "h", f"sqlite:///{me}/l.db")
    assert settings.snapshots == str(me / "s")


def test_urls_stay_urls(file: Path) -> None:
    """A Kafka log and a database are left as they are written."""
    urls = 'log = "kafka://a:9092"\nregistry = "postgresql://b/c"\n'
    settings = load_changed(file, "", urls)
    assert (settings.log, settings.registry) == ("kafka://a:9092", "postgresql://b/c")


def test_snapshots_are_in_a_folder(file: Path) -> None:
    """A URL is refused, and its secret not told; a folder of that name would be made of it."""
    with pytest.raises(ConfigError, match="it should be a folder") as told:
        load_changed(file, "", 'snapshots = "s3://key:secret@bucket/c"\n')
    assert "s3://***@bucket/c" in str(told.value)


def test_spellings_are_the_text_of_cells(file: Path) -> None:
    """Numbers and booleans in a list of spellings are what a CSV cell would hold."""
    settings = load_changed(file, '["1"]', '[1, 1.5, true, "yes"]')
    assert settings.label.positive == ("1", "1.5", "true", "yes")


WRONG = [
    ("model", "modle", ["'modle'", "did you mean 'model'?"]),
    ('model = "loans"\n', "", ["'model' is missing"]),
    ('"loans"', '"two words"', ["'model' is wrong", "A-Za-z0-9"]),
    ("[label]", "[labels]", ["'labels'", "did you mean 'label'?", "'label' is missing"]),
    ('positive = ["1"]', "positive = []", ["'label.positive'", "not be empty"]),
    ('positive = ["1"]', 'positive = "1"', ["'label.positive'", "a list"]),
    ('positive = ["1"]\n', "", ["'label.positive' is missing"]),
    ("kind", "knd", ["'columns.Amount.knd'", "did you mean 'kind'?"]),
    ('"numeric"', '"numerc"', ["'columns.Amount.kind'", "'boolean', 'time' or 'integer'"]),
    ('{ role = "label" }', '"label"', ["'columns.late'", "a table"]),
    ('role = "label"', 'role = "target"', ["'columns.late.role'", "'id', 'time', 'label'"]),
    ('"numeric" }', '"numeric", min = "low" }', ["'columns.Amount.min'", "be a number"]),
    ("", "serve = 5\n", ["'serve'", "a table"]),
    ("", "serve.port = 70000\n", ["'serve.port'", "less than or equal to 65535"]),
    ("", "serve.prot = 80\n", ["'serve.prot'", "did you mean 'port'?"]),
    ("", 'serve.wombat = ""\n', ["'serve.wombat'", "there are access_log, admin,"]),
    ("", "learner.river.optimiser = 1\n", ["'learner.river.optimiser'", "'optimizer'?"]),
    ("", 'learner.interactions = [["a"]]\n', ["'learner.interactions.0.1' is missing"]),
    ("", "serve.admin = false\n", ["'serve.admin'", "false is", '"on", "off", "HOST:PORT"']),
    ("", 'serve.admin = "of"\n', ["'serve.admin'", "'of' is", '"on", "off", "HOST:PORT"']),
    ("", 'serve.origins = ["https://a.b/x"]\n', ["leave '/x' away", "be https://a.b."]),
    ("", "late_labels.wait = 0\n", ["'late_labels.wait'", "greater than 0"]),
    ("", 'late_labels.expired = "x"\n', ["'late_labels.expired'", "'drop' or 'negative'"]),
    ("[columns]", "[columns", ["not valid TOML", "line 7"]),
    (
        "[columns]",
        "[label]\npositive = 1\n[columns]",
        ["section [label] twice (at line", "below the first one"],
    ),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[new for _, new, _ in WRONG])
def test_mistake_is_named(file: Path, old: str, new: str, said: list[str]) -> None:
    """A wrong key or value names the file, the key, and what would be right."""
    with pytest.raises(ConfigError) as error:
        load_changed(file, old, new)
    for piece in [str(file), *said]:
        assert piece in str(error.value)


@pytest.mark.parametrize("before", ["[serve]\n", "[serve]  # or so\r\n# port = 8000\n\n"])
def test_a_header_above_nothing_may_come_again(file: Path, before: str) -> None:
    """A script appends a section of which ``init`` has written the header already."""
    file.write_text(file.read_text() + before + "[gate]\nmargin = 0.5\n[serve]\nport = 81\n")
    settings = load.load(file)
    assert (settings.serve.port, settings.gate.margin) == (81, 0.5)


def test_no_columns_at_all(tmp_path: Path) -> None:
    """An empty table of columns is refused."""
    values = {"model": "m", "columns": {}, "label": {"positive": ["1"], "negative": ["0"]}}
    with pytest.raises(ConfigError, match="'columns' is wrong: it should not be empty"):
        load.from_values(values, tmp_path / "freshet.toml")


def test_all_mistakes_are_said_at_once(file: Path) -> None:
    """Two mistakes in one file are both in the message."""
    file.write_text(GOOD.replace("kind", "knd") + '\n[serve]\nport = "x"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"(?s)columns\.Amount\.knd.*serve\.port"):
        load.load(file)


def test_schema_mistake_names_the_file(file: Path) -> None:
    """What only the schema sees wrong names the file too, when a command reads it."""
    file.write_text(GOOD.replace('"numeric" }', '"numeric", min = 2, max = 1 }'), encoding="utf-8")
    with pytest.raises(FreshetError, match=r"columns\.Amount: min") as error:
        read_config(file)
    assert str(file) in str(error.value)


def test_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    """No config file: the message names it and the command that writes one."""
    with pytest.raises(ConfigError, match=r"no config file .*nowhere\.toml.*freshet init"):
        load.load(tmp_path / "nowhere.toml")


def test_unreadable_file(file: Path) -> None:
    """A config that is not UTF-8 is named."""
    file.write_bytes(b'model = "\xff"')
    with pytest.raises(ConfigError, match=r"freshet\.toml cannot be read.*utf-8"):
        load.load(file)


def test_config_errors_are_wrong_usage() -> None:
    """A wrong config ends a command with exit status 2."""
    assert ConfigError.exit_status == 2


def test_environment_overrides_a_section_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``FRESHET_SERVE__PORT`` overrides the file's ``serve.port`` and nothing beside it."""
    monkeypatch.setenv("FRESHET_SERVE__PORT", "9000")
    settings = load_changed(file, "", 'serve.port = 1\nserve.host = "h"\n')
    assert (settings.serve.port, settings.serve.host) == (9000, "h")


def test_environment_overrides_a_top_level_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``FRESHET_LOG`` and ``FRESHET_HOME`` override, and a relative path is beside the config."""
    monkeypatch.setenv("FRESHET_LOG", "kafka://b:1")
    monkeypatch.setenv("FRESHET_HOME", "state")
    settings = load.load(file)
    assert (settings.log, settings.home) == ("kafka://b:1", file.parent / "state")


def test_environment_overrides_a_column(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column's key can be overridden whatever the case of the column's name."""
    monkeypatch.setenv("FRESHET_COLUMNS__AMOUNT__MAX", "5")
    column = load.load(file).columns["Amount"]
    assert (column.kind, column.max) == ("numeric", 5.0)


def test_environment_holds_lists_as_json(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list is written as JSON in a variable."""
    monkeypatch.setenv("FRESHET_LABEL__POSITIVE", '["yes", 1]')
    assert load.load(file).label.positive == ("yes", "1")


WRONG_VARIABLES = [
    ("FRESHET_LOGG", "x", ["FRESHET_LOGG", "did you mean 'log'?"]),
    ("FRESHET_WOMBAT", "x", ["FRESHET_WOMBAT", "there are calibration, checkpoint"]),
    ("FRESHET_SERVE__PROT", "1", ["FRESHET_SERVE__PROT", "did you mean 'port'?"]),
    ("FRESHET_SERVE__PORT", "x", ["FRESHET_SERVE__PORT", "a whole number"]),
    ("FRESHET_SERVE", "{x", ["FRESHET_SERVE", "as JSON"]),
    ("FRESHET_LABEL__POSITIVE", "yes", ["FRESHET_LABEL", "as JSON"]),
    ("FRESHET_COLUMNS__OTHER__MAX", "1", ["FRESHET_COLUMNS__", "'other'", "does not have"]),
    ("FRESHET_COLUMNS__AMOUNT__MAXI", "1", ["FRESHET_COLUMNS__AMOUNT__MAXI", "'max'?"]),
    (
        "FRESHET_SERVE__HOSTS",
        "models.example.com",
        ["FRESHET_SERVE__HOSTS cannot", """FRESHET_SERVE__HOSTS='["models.example.com"]'."""],
    ),
    (
        "FRESHET_SERVE__ORIGINS",
        "x",
        ["""FRESHET_SERVE__ORIGINS='["https://ops.example.com"]'."""],
    ),
    (
        "FRESHET_SHADOW",
        "x",
        ["""FRESHET_SHADOW='[{"name": "plain", "args": "-l 0.1"}]'."""],
    ),
    ("FRESHET_COLUMNS", "x", ["FRESHET_COLUMNS__COLUMN__ROLE"]),
    ("freshet_serve", "x", ["FRESHET_SERVE__HOST and so on"]),
    (
        "FRESHET_SERVE__HOSTS",
        '["a.example.com", "https://models.example.com"]',
        ["variable FRESHET_SERVE__HOSTS:", "hosts.1' is", "without scheme and port"],
    ),
    (
        "FRESHET_SERVE__ORIGINS",
        '["https://ops.example.com/"]',
        ["variable FRESHET_SERVE__ORIGINS:", "leave '/' away", "be https://ops.example.com"],
    ),
    (
        "FRESHET_SERVE",
        '{"origins": ["x"]}',
        ["variable FRESHET_SERVE:", "origins.0' is", "not the origin"],
    ),
    (
        "FRESHET_LEARNER__INTERACTIONS",
        '[["a"]]',
        ["variable FRESHET_LEARNER__INTERACTIONS:", "'learner.interactions.0.1' is missing"],
    ),
    ("FRESHET_SERVE__TLS_CERT", "a.pem", ["variable FRESHET_SERVE__TLS_CERT:", "belong together"]),
    ("FRESHET_SERVE", '{"tls_cert": "a.pem"}', ["variable FRESHET_SERVE:", "belong together"]),
]


@pytest.mark.parametrize(("variable", "value", "said"), WRONG_VARIABLES)
def test_wrong_variable_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: list[str]
) -> None:
    """A variable that overrides nothing, or wrongly, is an error that names it."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as error:
        load.load(file)
    for piece in said:
        assert piece in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value"), [("FRESHET_SERVE__PORT", "8001"), ("FRESHET_SERVE", '{"port": 8001}')]
)
def test_mistake_of_the_file_is_not_blamed_on_variables(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """A section that is wrong in the file is said to be, though a variable sets another key."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as error:
        load_changed(file, "", 'serve.tls_cert = "a.pem"\n')
    assert str(error.value).startswith(f"In {file}: the key 'serve' is wrong: tls_cert and")
    assert "FRESHET_" not in str(error.value)


def test_variables_that_contradict_each_other(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A section that is no table, and a key in it, are an error and no traceback."""
    monkeypatch.setenv("FRESHET_SERVE", "[1]")
    monkeypatch.setenv("FRESHET_SERVE__PORT", "1")
    with pytest.raises(ConfigError, match="FRESHET_"):
        load.load(file)


def test_secret_is_never_printed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The admin token is kept, but no printed form of the settings shows it."""
    monkeypatch.setenv("FRESHET_SERVE__ADMIN_TOKEN", "open-sesame")
    settings = load.load(file)
    assert settings.serve.admin_token is not None
    assert settings.serve.admin_token.get_secret_value() == "open-sesame"
    for form in (repr(settings), str(settings), settings.model_dump_json()):
        assert "open-sesame" not in form


@pytest.mark.parametrize(
    "value", ['{"admin_token": "open-sesame"', '{"admin_token": ["open-sesame"]}']
)
def test_secret_is_not_in_errors(file: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """A token in a variable that cannot be read, or of the wrong shape, is not quoted."""
    monkeypatch.setenv("FRESHET_SERVE", value)
    with pytest.raises(ConfigError, match="FRESHET_SERVE") as error:
        load.load(file)
    assert "open-sesame" not in str(error.value)
