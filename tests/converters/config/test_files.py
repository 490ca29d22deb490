"""Config files as accidents leave them: byte order marks, huge numbers, deep nesting."""

from __future__ import annotations

from pathlib import Path

import pytest

from converters.config import load
from converters.config.load import ConfigError

GOOD = """\
model = "loans"
label = { positive = ["1"], negative = ["0"] }
columns = { late = { role = "label" }, Amount = { kind = "numeric" } }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the config file stands."""
    return tmp_path / "freshet.toml"


def test_reads_a_file_with_a_byte_order_mark(file: Path) -> None:
    """An editor that puts a byte order mark in front does not make the file another."""
    file.write_text(GOOD, encoding="utf-8-sig")
    assert load.load(file).model == "loans"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("9" * 5_000, "number of thousands of digits"),
        ("[" * 100_000, "deeper than can be read"),
        ("[" * 100_000 + "]" * 100_000, "deeper than can be read"),
        ("{a=" * 100_000, "deeper than can be read"),
        ("[" * 200 + "]" * 200, "key 'serve' is wrong|key 'serve.port' is wrong"),
        ("9" * 4_000, "key 'serve.port' is wrong"),
    ],
    ids=["digits", "open lists", "lists", "tables", "some lists", "fewer digits"],
)
def test_values_that_python_itself_refuses(file: Path, value: str, said: str) -> None:
    """A huge number and a deep nesting are told with the file's name."""
    file.write_text(f"{GOOD}[serve]\nport = {value}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"freshet\.toml.*({said})"):
        load.load(file)
