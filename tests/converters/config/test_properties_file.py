"""The format of ``java.util.Properties``: what is read as what, and on which line."""

from __future__ import annotations

from pathlib import Path

import javaproperties
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from converters.config.properties_file import PropertiesError, PropertiesFile

TEXT = r"""# a comment
! another \
a=1
  b : 2
c 3
d
e = \u00e9 \
    and more
f\:\ g\=x=y=z@@
h=\t\"\q\\
a=last
""".replace("@", " ")


def held(path: Path, content: bytes) -> dict[str, tuple[str, int]]:
    """What a file with this content holds."""
    path.write_bytes(content)
    return {p.key: (p.value, p.line) for p in PropertiesFile(path).held.values()}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_format_is_read_as_in_java(tmp_path: Path, end: str) -> None:
    """Comments, the three separators, continuation lines, escapes; the last of a key counts."""
    assert held(tmp_path / "f", TEXT.replace("\n", end).encode()) == {
        "a": ("last", 11),
        "b": ("2", 4),
        "c": ("3", 5),
        "d": ("", 6),
        "e": ("é and more", 7),
        "f: g=x": ("y=z", 9),
        "h": ('"q\\', 10),
    }


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "latin-1"])
def test_both_encodings_are_read(tmp_path: Path, codec: str) -> None:
    """UTF-8, with or without a mark, as editors write it; Latin-1, as Java reads it."""
    assert held(tmp_path / "f", "a=grün\nb=ÿ".encode(codec)) == {"a": ("grün", 1), "b": ("ÿ", 2)}


def test_a_cut_escape_is_told(tmp_path: Path) -> None:
    r"""``C:\users`` in such a file is an escape that is none: file, line, and the way out."""
    with pytest.raises(PropertiesError, match=r"f, in or after line 2: after \\u .*four"):
        held(tmp_path / "f", b"a=1\nb=C:\\users\\secret\n")


def test_a_store_is_no_properties_file(tmp_path: Path) -> None:
    """Given in its place, it is told where it belongs."""
    with pytest.raises(PropertiesError, match=r"f is no .* binary .*ssl\.truststore\.location"):
        held(tmp_path / "f", b"\xfe\xed\xfe\xed\0\0\0\2")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """Path and reason."""
    with pytest.raises(PropertiesError, match="nowhere cannot be read: No such file"):
        PropertiesFile(tmp_path / "nowhere")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1),
        st.text(st.characters(codec="utf-8")).filter(lambda text: text == text.strip()),
    )
)
def test_what_is_escaped_is_read_back(tmp_path: Path, content: dict[str, str]) -> None:
    """Every key and value, blanks, line ends and characters beyond Latin-1 included."""
    path = tmp_path / "f"
    path.write_text(javaproperties.dumps(content, timestamp=False), encoding="utf-8", newline="")
    assert {p.key: p.value for p in PropertiesFile(path).held.values()} == content
