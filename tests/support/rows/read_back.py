"""The converter's text read back: the features of a line, and the value of each cell.

Every kind of column must write values so that this gives them again: numbers within 8 units in the
last place of float32, all else exactly.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from converters.cells.categories import Boolean, Categorical, Group, Text
from converters.cells.escaping import CONSTANT
from converters.cells.feature import Feature
from converters.cells.quantities import NumberFeatures, Numeric
from converters.cells.refusal import Refusal
from converters.convert.from_vw_text import flat, read_row
from converters.convert.row_block import LABELLED, Row, RowBlock
from converters.schema.schema import Schema
from tests.support.rows.meanings import Meaning

GROUPS = {group.value: group for group in Group}


class Token(NamedTuple):
    """A feature as VW shows it under ``--audit``: its text, without namespace, and its value."""

    text: str
    value: float


def features(line: str) -> dict[str, float]:
    """The features of a line, without crosses."""
    return flat(read_row(line).spaces)


def unescape(text: str) -> str:
    """What ``escape_value`` and ``escape_name`` were given."""
    return re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


class UnknownFeatureError(ValueError):
    """A feature that no column of the schema can have written."""


class Decoder:
    """Reads features back under one schema."""

    def __init__(self, schema: Schema) -> None:
        self._features = {(f.namespace, f.kind.name): f for f in schema.features}

    def row(self, features: Iterable[tuple[str, Token]]) -> dict[str, Meaning]:
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
        return {f.name: value(f, tokens.get(key, ())) for key, f in self._features.items()}


def value(feature: Feature, tokens: Sequence[Token]) -> Meaning:
    """The value of a feature, from the tokens that VW saw."""
    kind = feature.kind
    if not tokens or tokens[0].text == f"{kind.name}=":
        return None
    if isinstance(kind, NumberFeatures):
        return _of_features(feature, tokens)
    texts = [token.text.removeprefix(f"{kind.name}=") for token in tokens]
    if isinstance(kind, Text):
        return tuple(map(unescape, texts))
    ((text, number),) = zip(texts, (token.value for token in tokens), strict=True)
    if isinstance(kind, Numeric):
        return number if text == kind.name else 0.0
    if isinstance(kind, Categorical):
        return GROUPS.get(text) or unescape(text)
    return text == "true" if isinstance(kind, Boolean) else text


def _of_features(feature: Feature, tokens: Sequence[Token]) -> Meaning:
    """The span and the number that a column with ``features`` wrote, or the one that it has."""
    name = feature.kind.name
    number = sum((token.value for token in tokens if token.text == name), 0.0)
    spans = [token.text.removeprefix(f"{name}=") for token in tokens if token.text != name]
    if "bins" not in feature.settings.features:
        return number
    return spans[0] if feature.settings.features == ("bins",) else (spans[0], number)


def audited(line: str) -> list[tuple[str, Token]]:
    """The features in a line of ``vw --audit``: ``name:hash:value:weight``, cut by tabs.

    Crosses and the constant are left out, for they are VW's own. VW shows six digits of a value.
    """
    found = []
    # Cut at no other blanks: a name may begin with one of another script.
    for shown in line.strip("\t\r\n").split("\t"):
        name, _, number, _ = shown.rsplit(":", 3)
        *namespace, text = name.split("^")
        if name != CONSTANT and len(namespace) < 2:
            found.append(("".join(namespace), Token(text, float(number))))
    return found


def rows_again(block: RowBlock) -> list[Row | Refusal]:
    """The rows of a block one by one, of which :func:`block_of` makes it again."""
    lines, weights = iter(block.lines), iter(block.weights or ())
    rows: list[Row | Refusal] = []
    for at, (id_, label) in enumerate(zip(block.ids, block.labels, strict=True)):
        if at in block.refused:
            rows.append(block.refused[at])
            continue
        line, weight = next(lines), next(weights, "")
        text = line[line.index("|") :]
        assert line == (text if label is None else f"{LABELLED[label]}{weight}{text}")
        rows.append((id_, label, weight + text))
    return rows
