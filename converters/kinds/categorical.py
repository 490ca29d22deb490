"""Categories: any text, as it is; rare and unseen values as the config's policies say.

What is known stands in the config, so that the same cell is the same feature for ever: a model is
a fold over its log, and must not depend on what this process happens to have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from converters.cells import RefusedCellError, escape_value, unescape
from converters.column_settings import ColumnSettings
from converters.kinds.base import Kind, Token


class Group(Enum):
    """What stands for all values of a group; no cell is written so, for ``%`` is escaped."""

    RARE = "%rare"
    UNSEEN = "%unseen"


class MissingValueError(Exception):
    """A value that the config's policy takes for missing."""


_GROUPS = {group.value: group for group in Group}


class Categorical(Kind[str | Group]):
    """``name=value``."""

    def __init__(self, name: str, settings: ColumnSettings) -> None:
        super().__init__(name)
        common, rare = frozenset(settings.values), frozenset(settings.rare_values)
        self._common = common
        self._rare = rare
        self._all_kept = settings.rare == "keep" and settings.unseen == "keep"
        self._rare_policy, self._unseen_policy = settings.rare, settings.unseen

    def check(self, cell: str) -> str | Group:
        """The cell, or the group that stands for it.

        Raises:
            RefusedCellError: ``rare-value`` or ``unseen-value``.
            MissingValueError: the policy takes it for missing.
        """
        if self._all_kept or cell in self._common:
            return cell
        if cell in self._rare:
            return _by_policy(cell, self._rare_policy, Group.RARE, "rare-value")
        return _by_policy(cell, self._unseen_policy, Group.UNSEEN, "unseen-value")

    def write(self, value: str | Group) -> str:
        """The value, escaped."""
        return f"{self.name}={value.value if isinstance(value, Group) else escape_value(value)}"

    def read(self, tokens: Sequence[Token]) -> str | Group:
        """The value, or the group."""
        (token,) = tokens
        text = token.text.removeprefix(f"{self.name}=")
        return _GROUPS.get(text) or unescape(text)


def _by_policy(cell: str, policy: str, group: Group, reason: str) -> str | Group:
    if policy == "keep":
        return cell
    if policy == "group":
        return group
    if policy == "missing":
        raise MissingValueError
    raise RefusedCellError(reason, cell)
