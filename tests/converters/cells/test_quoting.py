"""Quotations of what was refused: short, harmless to a terminal, and whole escapes."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from converters.cells.escaping import QUOTED_LENGTH, quoted, quoted_bytes

ESCAPE = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}|\\[nrt]"


@given(st.text())
def test_nothing_steers_a_terminal(text: str) -> None:
    """Whatever is quoted comes out printable, on one line, and no longer than allowed."""
    shown = quoted(text)
    assert shown.isprintable()
    assert len(shown) <= QUOTED_LENGTH


@given(st.text(st.characters(exclude_characters="\\"), max_size=400))
@example("\udc00\udc80\ud800")
def test_no_escape_is_cut(text: str) -> None:
    """What is left of a long text is the beginning of its escaped form, up to a whole escape."""
    shown = quoted(text)
    kept = shown.removesuffix("…")
    pieces = re.findall(rf"{ESCAPE}|.", kept)
    assert len(pieces) <= len(text)
    for piece, character in zip(pieces, text, strict=False):
        assert piece in {character, escaped(character)}
    assert (kept == shown) == (len(pieces) == len(text)) or text.endswith("…")


def escaped(character: str) -> str:
    """A character's escape; what stands for a byte that is not UTF-8 is shown as that byte."""
    if "\udc00" <= character <= "\udcff":
        return rf"\x{ord(character) & 0xFF:02x}"
    return character.encode("unicode_escape").decode()


@given(st.binary(max_size=600))
def test_bytes_are_shown_whole(content: bytes) -> None:
    """Bytes that are not UTF-8 are quoted by whole escapes, and are as harmless."""
    shown = quoted_bytes(content)
    assert shown.isprintable()
    assert len(shown) <= QUOTED_LENGTH


TEXTS = [
    ("x" * 200, "x" * 200),
    ("x" * 201, "x" * 199 + "…"),
    ("x" * 196 + "\x1b", "x" * 196 + r"\x1b"),
    ("x" * 197 + "\x1b", "x" * 197 + "…"),
    ("a\x1b[2J\r\n\u202e", r"a\x1b[2J\r\n\u202e"),
    ("Zürich 東京", "Zürich 東京"),
]


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_quotation(text: str, shown: str) -> None:
    """What prints stays, what does not is escaped, and what is too long ends in an ellipsis."""
    assert quoted(text) == shown


BYTES = [(b"caf\xe9,1", r"caf\xe9,1"), ("é".encode() * 300, "é" * 199 + "…"), (b"\xc3", r"\xc3")]


@pytest.mark.parametrize(("content", "shown"), BYTES)
def test_quotation_of_bytes(content: bytes, shown: str) -> None:
    """UTF-8 is shown as its text, and any other byte in hexadecimal."""
    assert quoted_bytes(content) == shown
