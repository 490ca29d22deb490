"""A guess at a feature's kind, before what holds for every kind is added to it.

Between the modules that know one kind each (:mod:`converters.init.numbers`,
:mod:`converters.init.words_and_times`, :mod:`converters.infer_times`) and :mod:`converters.init.one_column`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from converters.init.decision import Alternative


@dataclass(frozen=True)
class Guess:
    """A kind, and why.

    Attributes:
        kind: the kind.
        because: why, in words.
        otherwise: other kinds that it might be.
        settings: the settings of that kind, if there are any besides.
        warnings: what the person should look at.
        as_missing: cells that the kind cannot hold, and that are to be taken for missing.
    """

    kind: str
    because: str
    otherwise: tuple[Alternative, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    as_missing: tuple[str, ...] = ()
