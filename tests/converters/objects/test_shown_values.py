"""Values of JSON as refusals quote them: what ``json.dumps`` writes, cut, however deep they are."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from converters.cells.escaping import QUOTED_LENGTH, quoted
from converters.objects.json_rows import shown

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=60,
)


@given(st.lists(VALUES, max_size=5) | st.dictionaries(st.text(), VALUES, max_size=5))
def test_what_is_nested_is_shown_as_json(value: object) -> None:
    """Lists and objects in each other, to the length of a quotation."""
    assert shown(value) == quoted(json.dumps(value, ensure_ascii=False))


def test_what_is_deeper_than_python_follows_is_shown() -> None:
    """Its beginning, of lists and of objects."""
    lists: Any = 0
    objects: Any = 0
    for _ in range(5_000):
        lists, objects = [lists], {"a": objects}
    assert shown(lists) == "[" * (QUOTED_LENGTH - 1) + "…"
    assert shown(objects) == ('{"a": ' * QUOTED_LENGTH)[: QUOTED_LENGTH - 1] + "…"
