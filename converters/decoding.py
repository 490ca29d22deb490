"""The features that Vowpal Wabbit saw -> the checked row they were made of.

The way back of :mod:`converters.convert.to_vw_text`: that it exists shows that nothing is lost or taken for
something else between a row and a learner. The proofs (``make proofs``) go by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from converters.cells.kind_of import Token
from converters.cells.refusal import CONSTANT
from converters.schema.schema import Schema


class UnknownFeatureError(ValueError):
    """A feature that no column of the schema can have written."""


class Decoder:
    """Reads features back under one schema."""

    def __init__(self, schema: Schema) -> None:
        self._features = {(f.namespace, f.kind.name): f for f in schema.features}

    def row(self, features: Iterable[tuple[str, Token]]) -> dict[str, Any]:
        """The checked, transformed value of each feature by its name; None where it is missing.

        Args:
            features: as VW holds them, in order, each with its namespace's letter (or nothing).

        Raises:
            UnknownFeatureError: one of them is none of this schema's.
        """
        tokens: dict[tuple[str, str], list[Token]] = defaultdict(list)
        for namespace, token in features:
            tokens[namespace, token.text.partition("=")[0]].append(token)
        unknown = tokens.keys() - self._features.keys()
        if unknown:
            raise UnknownFeatureError(f"No column writes the feature {min(unknown)[1]!r}.")
        return {f.name: f.read(tokens.get(key, ())) for key, f in self._features.items()}


def audited(line: str) -> list[tuple[str, Token]]:
    """The features in a line of ``vw --audit``: ``name:hash:value:weight``, cut by tabs.

    Crosses and the constant are left out, for they are VW's own. VW shows six digits of a value.
    """
    found = []
    # Cut at no other blanks: a name may begin with one of another script.
    for shown in line.strip("\t\r\n").split("\t"):
        name, _, value, _ = shown.rsplit(":", 3)
        *namespace, text = name.split("^")
        if name != CONSTANT and len(namespace) < 2:
            found.append(("".join(namespace), Token(text, float(value))))
    return found
