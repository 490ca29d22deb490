"""Numbers of columns set anew in a config's text: nothing else changes."""

from __future__ import annotations

import pytest

from converters.errors import UsageError
from stream.renewal.edited_numbers import with_numbers

TEXT = """# center = 1, edges = [9]
model = "m"\r
[columns]
a = { kind = "numeric", center = -1.5e3, scale = 2, edges = [1, 2] }  # edges = [3]
# or: a = { center = 7 }
'b.c' = { fill_value = "scale = 4", "edges" = [ 1,
  2, # ] two
] }
d.scale = 1_000.0
[learner]

[columns.e]
center=+3
[learner]
args = "--coin"
"""


def test_only_the_numbers_change() -> None:
    """In inline tables, dotted keys and sections; comments, texts and line ends stay."""
    new: dict[str, dict[str, object]] = {
        "a": {"center": 0.25, "edges": (5.0, 6.5)},
        "b.c": {"edges": (7.0,)},
        "d": {"scale": 3.0},
        "e": {"center": 4.0},
    }
    expected = TEXT
    for old, text in (
        (
            "center = -1.5e3, scale = 2, edges = [1, 2]",
            "center = 0.25, scale = 2, edges = [5, 6.5]",
        ),
        ("[ 1,\n  2, # ] two\n]", "[7]"),
        ("1_000.0", "3"),
        ("center=+3", "center=4"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, text)
    assert with_numbers(TEXT, new) == expected


def test_what_cannot_be_found_is_told() -> None:
    """With the values, to be written by hand; nothing is guessed."""
    odd = '[columns.a]\n"\\u0065dges" = [1, 2]\n'
    with pytest.raises(UsageError, match=r"by hand: a: \{ edges = \[5\] \}"):
        with_numbers(odd, {"a": {"edges": (5.0,)}})
