"""Categories: any text, as it is; rare and unseen values as the config's policies say.

What is known stands in the config, so that the same cell is the same feature for ever: a model is
a fold over its log, and must not depend on what this process happens to have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from converters.cells.kind import Kind, Token
from converters.cells.refusal import RefusedCellError, escape_value, unescape
from converters.config.column_settings import ColumnSettings


class Group(Enum):
    """What stands for all values of a group; no cell is written so, for ``%`` is escaped."""

    RARE = "%rare"
    UNSEEN = "%unseen"


class MissingValueError(Exception):
    """A value that the config's policy takes for missing."""


# What is escaped, but for the line feeds that hold cells apart here.
_ESCAPED = bytes({*range(33), 127, *b":|%^"} - {10})

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

    def compiled(self, lead: str) -> Callable[[str], str]:
        """Where every value is kept, no more than an escape."""
        if not self._all_kept:
            return super().compiled(lead)
        before = f"{lead}{self.name}="
        return lambda cell: before + escape_value(cell)

    def write_many(self, lead: str, cells: Sequence[str]) -> list[str] | None:
        """All at once, if all are kept and none needs an escape: a fifth of one by one."""
        joined = "\n".join(cells)
        content = joined.encode("utf-8", "replace")
        plain = content.count(b"\n") < len(cells) and content.translate(None, _ESCAPED) == content
        if not (plain and self._all_kept):
            return None
        before = f"{lead}{self.name}="
        return (before + joined.replace("\n", f"\n{before}")).split("\n")

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
