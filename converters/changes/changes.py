"""What differs between two configs: key by key, in words, with what each difference costs.

Both are JSON: the settings by section, as :func:`stored` gives them. A config that was stored by an
older release may lack keys that are newer; they are taken to be at their defaults. A section that
one of the two lacks is not compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from converters.changes.costs import NAMES_ONLY, Consequence, Cost, consequence
from converters.config import toml_text
from converters.config.column_settings import ColumnSettings, Section, section_in
from converters.config.learning_settings import LearnerSettings, ShadowSettings
from converters.config.settings import Settings
from converters.config.shown_url import MASK, shown_url

Json = Mapping[str, Any]

# Keys that may hold users and passwords; those of secrets hide themselves.
URLS = ("log", "registry", "snapshots")
# The longest value that words show in full.
SHOWN_LENGTH = 120


class Change(NamedTuple):
    """One difference.

    Attributes:
        key: ``late_labels.wait``, ``columns.age.min``; ``columns.age`` for a column that is added,
            removed or renamed, ``columns`` for their order.
        old: what it was, as JSON; None if it was not set.
        new: what it is.
        words: all that in a line.
        follows: what it costs a model that has learned, and when it takes effect.
    """

    key: str
    old: Any
    new: Any
    words: str
    follows: Consequence

    @property
    def cost(self) -> Cost:
        """What it costs."""
        return self.follows.cost


def stored(settings: Settings) -> dict[str, Any]:
    """All settings by section as JSON, without secrets: as the registry may keep them."""
    found = settings.model_dump(mode="json")
    found |= {name: shown_url(found[name]) for name in URLS}
    kafka = found["kafka"]
    if kafka["oauth_token_command"]:  # its arguments may be a secret
        kafka["oauth_token_command"] = MASK
    return found


def changes(old: Json, new: Json) -> list[Change]:
    """What differs, in the order of the settings; nothing that both say in the same words."""
    found: list[Change] = []
    for name, field in Settings.model_fields.items():
        if name not in old or name not in new:
            continue
        was, now = old[name], new[name]
        if name == "columns":
            found += _columns(was, now)
        elif name == "shadow":
            found += _shadows(was, now)
        elif name == "learner":
            found += _learner("learner", LearnerSettings, was, now)
        else:
            found += _compared(name, field, was, now)
    return found


def told(found: Iterable[Change]) -> str:
    """The words of some changes as one sentence's part."""
    return "; ".join(change.words for change in found)


def _compared(key: str, field: FieldInfo, was: Any, now: Any) -> Iterator[Change]:  # noqa: ANN401
    section = section_in(field.annotation)
    if section is not None and get_origin(field.annotation) is dict:
        for name in {**was, **now}:
            tables = was.get(name, {}), now.get(name, {})
            yield from _keys(f"{key}.{toml_text.key(name)}", section, *tables)
    elif section is not None and isinstance(was, Mapping) and isinstance(now, Mapping):
        yield from _keys(key, section, was, now)
    elif was != now:
        yield changed(key, was, now)


def _keys(key: str, section: type[BaseModel], was: Json, now: Json) -> Iterator[Change]:
    """The differences between two tables of one section."""
    for name, field in section.model_fields.items():
        if name in was or name in now:
            default = _default(field)
            yield from _compared(
                f"{key}.{name}", field, was.get(name, default), now.get(name, default)
            )


# What a kind of learner does not heed, or how that begins.
_IDLE = {
    "vw": ("river.", "forest."),
    "river": ("args", "forest."),
    "river-forest": ("args", "interactions", "river."),
    "control": ("args", "interactions", "river.", "forest."),
}


def _learner(key: str, section: type[Section], was: Json, now: Json) -> Iterator[Change]:
    """The differences of a learner or shadow; what only another kind heeds costs nothing."""
    kind = now["kind"] if was["kind"] == now["kind"] else None
    idle = tuple(f"{key}.{name}" for name in _IDLE.get(str(kind), ()))
    for change in _keys(key, section, was, now):
        if change.key.startswith(idle):
            yield change._replace(follows=Consequence(Cost.NOTHING, f"{kind} does not heed it"))
        else:
            yield change


def _shadows(was: Iterable[Json], now: Iterable[Json]) -> Iterator[Change]:
    """By their names: their order decides nothing."""
    before, after = ({each["name"]: each for each in found} for found in (was, now))
    for name in {**before, **after}:
        key = f"shadow.{name}"
        if name not in after:
            yield _worded(key, before[name], None, f"the shadow '{name}' is removed")
        elif name not in before:
            yield _worded(key, None, after[name], f"the shadow '{name}' is added")
        else:
            yield from _learner(key, ShadowSettings, before[name], after[name])


def renamed(was: Json, now: Json) -> dict[str, str]:
    """The columns that have another name now -> the one that they had, as their ``was`` says."""
    return {
        name: former
        for name, column in now.items()
        if name not in was
        for former in _names(column.get("was", ()))
        if former in was and former not in now
    }


def _names(value: str | Iterable[str]) -> Iterable[str]:
    return (value,) if isinstance(value, str) else value


def _columns(was: Json, now: Json) -> Iterator[Change]:
    former = renamed(was, now)
    for name, column in was.items():
        if name not in now and name not in former.values():
            yield _worded(_column(name), _set(column), None, f"the column '{name}' is removed")
    for name, column in now.items():
        before = was.get(former.get(name, name))
        if name in former:
            words = f"the column '{former[name]}' is renamed to '{name}'"
            yield _worded(_column(name), former[name], name, words)
        if before is None:
            words = f"the column '{name}' is added {_place(name, list(now))}"
            yield _worded(_column(name), None, _set(column), words)
        else:
            # Of a renamed column `was` says just that.
            pair = (before, column) if name not in former else (_unnamed(before), _unnamed(column))
            yield from _keys(_column(name), ColumnSettings, *map(_listed, pair))
    before_order = [name for name in was if name in {former.get(n, n) for n in now}]
    order = [former.get(name, name) for name in now if former.get(name, name) in was]
    if order != before_order:
        names = list(now)
        words = f"the order of the columns is now {', '.join(names)}"
        yield _worded("columns", list(was), names, words)


def _unnamed(column: Json) -> Json:
    return {key: value for key, value in column.items() if key != "was"}


def _listed(column: Json) -> dict[str, Any]:
    """With lists where a model has tuples."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in column.items()}


def _set(column: Json) -> dict[str, Any]:
    """The keys of a column that are not at their defaults."""
    fields = ColumnSettings.model_fields
    return {k: v for k, v in _listed(column).items() if v != _default(fields[k])}


def _place(name: str, names: list[str]) -> str:
    at = names.index(name)
    if at == len(names) - 1:
        return "at the end"
    return f"before '{names[at + 1]}'"


def _column(name: str) -> str:
    return f"columns.{toml_text.key(name)}"


def changed(key: str, was: Any, now: Any) -> Change:  # noqa: ANN401
    """That a key has another value."""
    change = _worded(key, was, now, f"{key}: {_difference(was, now)}")
    if key in ("label.positive", "label.negative") and sorted(was) == sorted(now):
        return change._replace(follows=NAMES_ONLY)
    return change


def _worded(key: str, old: Any, new: Any, words: str) -> Change:  # noqa: ANN401
    return Change(key, old, new, words, _consequence(key))


def _consequence(key: str) -> Consequence:
    """That of a key of any column or shadow; names of columns may hold dots."""
    section, _, rest = key.partition(".")
    if section in ("columns", "shadow"):
        return consequence(f"{section}.{rest.rpartition('.')[2]}")
    return consequence(key)


def _difference(was: Any, now: Any) -> str:  # noqa: ANN401
    """``0 -> 1``; of long lists, what has come and gone."""
    text = f"{_text(was)} -> {_text(now)}"
    if len(text) <= SHOWN_LENGTH:
        return text
    if isinstance(was, list) and isinstance(now, list):
        new, gone = [v for v in now if v not in was], [v for v in was if v not in now]
        parts = [
            f"{len(some):,} {what} ({_text(some)})"
            for some, what in ((new, "added"), (gone, "removed"))
            if some
        ]
        return _cut("; ".join(parts) or "in another order")
    return _cut(text)


def _text(value: Any) -> str:  # noqa: ANN401
    if value is None or value == "":
        return "not set"
    return toml_text.value(value)


def _cut(text: str) -> str:
    return text if len(text) <= 2 * SHOWN_LENGTH else f"{text[: 2 * SHOWN_LENGTH]} …"


def _default(field: FieldInfo) -> Any:  # noqa: ANN401
    """A key's default as JSON; None where it has none."""
    default = field.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return None
    if isinstance(default, BaseModel):
        return default.model_dump(mode="json")
    return json.loads(json.dumps(default, default=str))
