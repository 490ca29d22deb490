"""A path goes into a URL and comes out of it as it was, whatever characters are in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine

from converters.config.load import ConfigError, from_values
from converters.config.settings import Settings
from converters.config.shown_url import shown_url
from converters.config.sqlite_url import sqlite_file, sqlite_url
from learners.registry.database import _parse

# What is something in a URL, a URI of SQLite's, or a line.
HARMFUL = "?#%&;=@: +~\n\\é日"
NAMES = st.text(
    st.sampled_from(HARMFUL) | st.characters(exclude_characters="/\0", exclude_categories=["Cs"]),
    min_size=1,
).filter(lambda name: name not in (".", ".."))
COLUMNS = {"late": {"role": "label"}, "x": {"kind": "numeric"}}
LABEL = {"positive": ["1"], "negative": ["0"]}


def settings(folder: str, **places: object) -> Settings:
    """The settings of a config in a folder, with other places."""
    values = {"model": "m", "columns": COLUMNS, "label": LABEL, **places}
    return from_values(values, Path(folder) / "freshet.toml")


@given(NAMES, NAMES)
def test_a_home_of_any_name_has_its_own_files(above: str, home: str) -> None:
    """Log and registry are those in it, by the config, for SQLAlchemy, and without a driver."""
    found = settings(f"/srv/{above}", home=f"/srv/{above}/{home}")
    folder = Path("/srv", above, home)
    assert found.databases == (folder / "log.db", folder / "registry.db")
    dialect = create_engine("sqlite://").dialect
    (file,), _ = dialect.create_connect_args(_parse(found.registry))
    assert file == str(folder / "registry.db")


@given(NAMES)
def test_a_url_gives_its_path_back(name: str) -> None:
    """Nothing is decoded, cut or added."""
    assert sqlite_file(sqlite_url(f"/srv/{name}")) == Path(f"/srv/{name}")
    assert shown_url(sqlite_url(f"/srv/{name}/x.db")) == f"sqlite:////srv/{name}/x.db"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("sqlite:///a%20b.db", "/c/a%20b.db"),
        ("sqlite:////d/100%/r.db", "/d/100%/r.db"),
        ("sqlite:////d/a?x=1/r.db", "/d/a?x=1/r.db"),
        ("sqlite:///a#b.db", "/c/a#b.db"),
        ("sqlite:///a?b.db", "/c/a?b.db"),
        ("sqlite+pysqlite:///r.db", "/c/r.db"),
    ],
)
@pytest.mark.parametrize("key", ["log", "registry"])
def test_a_url_of_the_config_is_taken_as_written(key: str, given: str, path: str) -> None:
    """A relative one begins at the config's folder; percent signs stay."""
    assert getattr(settings("/c", **{key: given}), key) == f"sqlite:///{path}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("sqlite:///r.db?mode=ro", "takes no options, and here is 'mode' .* end in 'r.db'"),
        ("sqlite:////d/r.db?x=1&key=hidden", "'x', 'key' after the question mark"),
        ("sqlite:///", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///folder/", "names no file"),
    ],
)
@pytest.mark.parametrize("key", ["log", "registry"])
def test_options_and_no_file_are_refused(key: str, given: str, said: str) -> None:
    """The message names the key and says what is wrong; no value of an option is told."""
    with pytest.raises(ConfigError, match=rf"the key '{key}' is wrong: .*{said}") as told:
        settings("/c", **{key: given})
    assert "hidden" not in str(told.value)
