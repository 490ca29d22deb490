"""Write docs/configuration.md from the settings themselves: python -m docs.make_configuration."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from converters.changes.costs import REBUILT, consequence
from converters.config.column_settings import ColumnSettings, section_in
from converters.config.settings import Settings

PAGE = Path(__file__).with_name("configuration.md")

HEAD = """\
# Configuration

`freshet.toml` is the one config file: `--config FILE`, by default in the working directory.
`freshet init` writes a commented one. A wrong key or value is an error that names the file, the
key, and what would be right.

Every key can be set by the environment instead, as `FRESHET_<SECTION>__<KEY>` or, for keys outside
sections, `FRESHET_<KEY>`: `FRESHET_LOG=kafka://broker:9092`, `FRESHET_SERVE__PORT=9000`. Lists are
written as JSON. A variable that names no key is an error, and so is an empty one:
unset it, or give it a value (an empty `FRESHET_SERVE__ADMIN_TOKEN` is no token, empty `args` are no
arguments). Secrets belong there and not in the file. In the file an empty `log`, `registry` or
`snapshots` is the default; an empty path or host is an error.

Relative paths are taken from the folder of the config file. All that follows `sqlite:///` is a
path, as it is on the disk: `?`, `#`, `%` and blanks are parts of names, and there are no options.

The last column of each table is what changing the key costs a model that has learned: nothing, a
new evaluation (some measures begin anew; the model goes on), a new lineage (the model is rebuilt
from the log), or another model. `freshet config diff` says it of an edited config, with the
commands to run: see [Changing a running model](changing.md).

<!-- Written by docs/make_configuration.py; the texts are in converters/config/. -->
"""


def page() -> str:
    """The whole page."""
    plain = {
        n: f
        for n, f in Settings.model_fields.items()
        if not section_in(f.annotation) and n != "columns"
    }
    parts = [HEAD, _table("Top level", plain, "")]
    columns = Settings.model_fields["columns"].description
    parts.append(f"## `[columns]`\n\n{_sentence(columns)} Each is a table of its own:\n")
    parts.append(_rows(ColumnSettings.model_fields, "columns."))
    for name, field in Settings.model_fields.items():
        section = section_in(field.annotation)
        if section is not None and name != "columns":
            parts += _pages(name, section, many=get_origin(field.annotation) is tuple)
    return "\n".join(parts)


def _pages(name: str, section: type[BaseModel], *, many: bool = False, each: str = "") -> list[str]:
    """A section's table, and those of sections within it."""
    plain = {n: f for n, f in section.model_fields.items() if not section_in(f.annotation)}
    shown = f"[[{name}]]" if many else f"[{name}{each}]"
    words = " ".join((section.__doc__ or "").split())
    parts = [f"## `{shown}`\n\n{words}\n", _rows(plain, f"{name}.")]
    for inner, field in section.model_fields.items():
        found = section_in(field.annotation)
        if found is not None:
            each = ".COLUMN" if get_origin(field.annotation) is dict else ""
            parts += _pages(f"{name}.{inner}", found, each=each)
    return parts


def _table(title: str, fields: dict[str, FieldInfo], section: str) -> str:
    return f"## {title}\n\n{_rows(fields, section)}"


def _rows(fields: dict[str, FieldInfo], section: str) -> str:
    lines = ["| key | default | meaning | a change costs |", "|---|---|---|---|"]
    for name, field in fields.items():
        cells = f"`{name}`", _default(field), str(field.description), _cost(section + name)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines).replace("log(1+|x|)", "log(1+abs(x))") + "\n"


def _cost(key: str) -> str:
    follows = consequence(key)
    return follows.cost if follows is REBUILT else f"{follows.cost} ({follows.effect})"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "mandatory"
    return f"`{_toml(field.default)}`" if field.default not in (None, "", ()) else ""


def _toml(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str | Path) else str(value)


def _sentence(text: str | None) -> str:
    text = text or ""
    return text[:1].upper() + text[1:] + "."


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE} written\n")
