"""A saved state as today's configuration needs it: slices may have come, gone or moved.

Stands between a checkpoint's arrays and :mod:`.measures`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from learners.evaluation.grouped import slice_name
from learners.lessons import AnyArray

_SLICE = re.compile(r"(^|\.)slice@(\d+)($|\.)")


def for_slices(columns: Sequence[str], arrays: Mapping[str, AnyArray]) -> dict[str, AnyArray]:
    """The arrays, those of each slice under the place that its column has today."""
    places = {
        old: list(columns).index(name)
        for old, name in enumerate(arrays["slices"].tolist())
        if name in columns
    }
    found: dict[str, AnyArray] = {}
    for key, array in arrays.items():
        named = _SLICE.search(key)
        if named is None:
            found[key] = array
        elif int(named[2]) in places:
            today = slice_name(places[int(named[2])])
            found[key[: named.start()] + named[1] + today + named[3] + key[named.end() :]] = array
    return found
