"""Loads ``freshet.toml``, overlays the environment, and says precisely what is wrong with it.

It gives frozen :class:`~converters.config.settings.Settings` whose paths and URLs are absolute, so
that nothing else depends on the working directory.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from converters.config.column_settings import MAY_BE_EMPTY, ColumnSettings, section_in
from converters.config.kafka_settings import laid_over
from converters.config.learning_settings import BY_NAMES, BY_WORD
from converters.config.settings import KAFKA, Settings, environment_source
from converters.config.shown_url import shown_url
from converters.config.sqlite_url import sqlite_file, sqlite_url, without_options
from converters.config.toml_text import parsed
from converters.errors import UsageError

PREFIX = "FRESHET_"
UNIX = "unix:"
UNREADABLE = (ValueError, TypeError, RecursionError)

# What pydantic says of Python's types, in TOML's words.
TOML_WORDS = {
    "tuple_type": 'it should be a list, for example ["a", "b"]',
    "dict_type": "it should be a table",
    "model_type": "it should be a table",
    "too_short": "it should not be empty",
    "too_long": "it has too many values",
    "int_parsing": "it should be a whole number",
    "int_type": "it should be a whole number",
    "float_parsing": "it should be a number",
    "float_type": "it should be a number",
    "string_type": "it should be a text in quotes",
    "bool_parsing": "it should be true or false",
}


class ConfigError(UsageError):
    """The config file or an environment variable that overrides it is wrong."""


def load(
    path: Path, kafka_config: Path | None = None, tell: Callable[[str], object] = lambda _: None
) -> Settings:
    """Read the config file, a properties file of Kafka's that it names, and the environment.

    Args:
        path: the TOML file.
        kafka_config: a properties file in place of the one that it names.
        tell: is told which keys of a properties file are not used.

    Returns:
        Checked settings with absolute ``home``, ``log``, ``registry`` and ``snapshots``.

    Raises:
        ConfigError: the file cannot be read, or a key or value is wrong; the message names the
            file (or variable), the key, and what would be right.
    """
    values = _read(path)
    overrides = _environment(values, path)
    merged = _merged(values, overrides)
    tables = [each.get("kafka", {}) for each in (values, overrides)]
    if all(isinstance(table, Mapping) for table in tables):
        merged |= _with_properties(merged, laid_over(*tables), path, kafka_config, tell)
    return from_values(merged, path, overrides)


def from_values(
    values: Mapping[str, Any], path: Path, overrides: Mapping[str, Any] | None = None
) -> Settings:
    """Check values that already are a dictionary; ``path`` is what errors and paths refer to."""
    try:
        settings = Settings.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(_explain(error, path, overrides or {})) from None
    # A password in the environment is for those models that are in Kafka.
    if settings.log.startswith(KAFKA) and (wrong := settings.kafka.contradiction()):
        if file := settings.kafka.properties:
            wrong += f" (with what {file} says)"
        raise ConfigError(_explain_one(("kafka",), "value_error", wrong, path, overrides or {}))
    return _located(settings, path.resolve())


_TWICE = re.compile(r"Cannot declare \((.+?),?\) twice (.*)")


def _explained(error: tomllib.TOMLDecodeError) -> str:
    """What is wrong in the TOML; a section that is there already is a header too many."""
    found = _TWICE.fullmatch(str(error))
    if found is None:
        return f"{error}."
    section = ".".join(re.findall(r"'([^']*)'", found[1]))
    return (
        f"it has the section [{section}] twice {found[2]}. Remove this header, and write its keys "
        "below the first one."
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return parsed(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"There is no config file {path}. Write one with 'freshet init CSV --label COLUMN "
            "--positive VALUE', or name another with --config."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The config file {path} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"The config file {path} is not valid TOML: {_explained(error)}"
        ) from None
    except ValueError:  # Python's own limit, which keeps such numbers from taking hours
        raise ConfigError(
            f"The config file {path} holds a number of thousands of digits, which no key takes."
        ) from None
    except RecursionError:
        raise ConfigError(
            f"The config file {path} holds lists or tables within each other, deeper than can be "
            "read; no key takes such."
        ) from None


def _environment(values: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The overrides, with column names spelt as in the file (variables know no case)."""
    variables = {name: v for name, v in os.environ.items() if name.upper().startswith(PREFIX)}
    if not variables:
        return {}
    known = {name.upper() for name in Settings.model_fields}
    for variable in variables:
        first = variable[len(PREFIX) :].split("__")[0].upper()
        if first not in known:
            raise ConfigError(
                f"The environment variable {variable} overrides nothing: there is no setting "
                f"'{first.lower()}'{_suggestion(first.lower(), Settings.model_fields)}"
            )
    overrides = _parsed()
    for variable, text in variables.items():
        if not text.strip() and variable.lower().rpartition("__")[2] not in MAY_BE_EMPTY:
            raise ConfigError(
                f"The environment variable {variable} is empty. Unset it, or give it a value."
            )
    columns = {name.lower(): name for name in values.get("columns", {})}
    if isinstance(overrides.get("columns"), dict):
        overrides["columns"] = {columns.get(k, k): v for k, v in overrides["columns"].items()}
        unknown = sorted(set(overrides["columns"]) - set(values.get("columns", {})))
        if unknown:
            raise ConfigError(
                f"An environment variable {PREFIX}COLUMNS__… names the column '{unknown[0]}', "
                f"which {path} does not have."
            )
    return overrides


def _parsed() -> dict[str, Any]:
    """What the variables hold, by section and key."""
    source = environment_source(PREFIX)
    variables = {name: text for name, text in source.env_vars.items() if text is not None}
    try:
        return source()
    except UNREADABLE:
        # The error could show the value, which may be a secret: look for the variable instead.
        for name, text in variables.items():
            source.env_vars = {name: text}
            try:
                source()
            except UNREADABLE:
                raise ConfigError(_unreadable(name.upper())) from None
        raise ConfigError(
            f"The environment variables {PREFIX}… cannot be read together: one gives a section a "
            "value, and another gives a key of that section one. Unset one of them."
        ) from None


def _unreadable(variable: str) -> str:
    loc = tuple(variable.removeprefix(PREFIX).lower().split("__"))
    section = _section(loc[:-1])
    field = section.model_fields.get(loc[-1]) if section else None
    inner = section_in(field.annotation) if field else None
    if field and inner and get_origin(field.annotation) is not tuple:
        key = next(iter(inner.model_fields)).upper()
        key = f"COLUMN__{key}" if inner is ColumnSettings else key
        return (
            f"The environment variable {variable} cannot be read: a table is written as JSON "
            f"there. Its keys can be set one by one: {variable}__{key} and so on."
        )
    example = json.dumps(field.examples[0] if field and field.examples else ["yes", "no"])
    return (
        f"The environment variable {variable} cannot be read: a list is written as JSON there, "
        f"for example {variable}='{example}'."
    )


def _merged(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in overrides.items():
        held = merged.get(key)
        both = isinstance(held, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(held, value) if both else value  # type: ignore[arg-type]
    return merged


def _with_properties(
    values: Mapping[str, Any],
    kafka: Mapping[str, Any],
    path: Path,
    kafka_config: Path | None,
    tell: Callable[[str], object],
) -> dict[str, Any]:
    """``[kafka]`` and ``log``, with what a properties file says below them."""
    named = kafka.get("properties")
    log = values.get("log") or KAFKA
    if kafka_config is None and isinstance(named, str) and named:
        kafka_config = path.parent / Path(named).expanduser()
    elif kafka_config is not None and not str(log).startswith(KAFKA):
        raise ConfigError(
            f"--kafka-config {kafka_config} is for a log in Kafka, but {path}, or the environment, "
            f"sets log to {shown_url(str(log))!r}. Remove that key, or set it to 'kafka://'."
        )
    if kafka_config is None or not str(log).startswith(KAFKA):
        return {"kafka": kafka} if kafka else {}
    from converters.config import kafka_properties

    found = kafka_properties.read(kafka_config, kafka)
    if log == KAFKA and not found.servers:
        raise ConfigError(
            f"Nothing says where Kafka is: {kafka_config} has no bootstrap.servers, and {path} no "
            'log. Add one of them, such as log = "kafka://HOST:9092".'
        )
    unused = [*found.unused, *(["bootstrap.servers"] if found.servers and log != KAFKA else [])]
    if unused:
        tell(
            f"Not used of {kafka_config}: {', '.join(unused)}. Freshet sets these itself, or "
            "has no use for them."
        )
    return {
        "kafka": laid_over(found.values, kafka) | {"properties": str(kafka_config.absolute())},
        "log": f"{KAFKA}{found.servers}" if log == KAFKA else log,
    }


def _explain(error: ValidationError, path: Path, overrides: Mapping[str, Any]) -> str:
    """One sentence for each mistake: where, which key, what is wrong, what would be right."""
    return " ".join(
        _explain_one(
            tuple(part for part in e["loc"] if part not in (BY_WORD, BY_NAMES)),
            *(e["type"], e["msg"], path, overrides),
        )
        for e in error.errors(include_url=False)
    )


def _explain_one(
    loc: tuple[int | str, ...], kind: str, message: str, path: Path, overrides: Mapping[str, Any]
) -> str:
    key = ".".join(str(part) for part in loc)
    variable = _variable(overrides, loc, message)
    where = f"In the environment variable {variable}" if variable else f"In {path}"
    if kind == "extra_forbidden":
        section = _section(loc[:-1])
        names = section.model_fields if section else {}
        return f"{where}: there is no key '{key}'{_suggestion(str(loc[-1]), names)}"
    if kind == "missing":
        return f"{where}: the key '{key}' is missing; it is mandatory."
    said = message.removeprefix("Value error, ")  # of our own checks
    right = TOML_WORDS.get(kind, f"{said[0].lower()}{said[1:]}")
    return f"{where}: the key '{key}' is wrong: {right}."


def _variable(overrides: object, loc: tuple[int | str, ...], message: str) -> str:
    """The variable that holds what a mistake is about; empty if the file does.

    Lists of the environment replace the file's, tables are laid over them: a mistake of a whole
    table is that of a variable only if the message names the key that the variable sets.
    """
    in_list = False
    for part in loc:
        if isinstance(overrides, Mapping) and part in overrides:
            overrides = overrides[part]
        elif isinstance(overrides, list) and isinstance(part, int) and part < len(overrides):
            in_list, overrides = True, overrides[part]
        elif in_list:  # what is missing is missing there
            break
        else:
            return ""
    parts = [str(part).upper() for part in loc]
    names = ["__".join((PREFIX + parts[0], *parts[1:n])) for n in range(len(parts), 0, -1)]
    given = {variable.upper() for variable in os.environ}
    if isinstance(overrides, Mapping) and not in_list:
        named = [key.upper() for key in overrides if re.search(rf"\b{key}\b", message)]
        names = [f"{names[0]}__{key}" for key in named] + (names if named else [])
    return next((name for name in names if name in given), "")


def _section(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The section class that a path of keys leads to."""
    if loc[:1] == ("columns",):
        return ColumnSettings
    section: type[BaseModel] = Settings
    for part in loc:
        if isinstance(part, int):  # one of several sections of a kind
            continue
        field = section.model_fields.get(str(part))
        inner = section_in(field.annotation) if field else None
        if inner is None:
            return None
        section = inner
    return section


def _suggestion(name: str, names: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, list(names), n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; there are {', '.join(sorted(names))}." if names else "."


def _located(settings: Settings, path: Path) -> Settings:
    """Make every path and URL absolute."""
    folder = path.parent
    home = (folder / settings.home.expanduser()).absolute()
    serve = settings.serve
    files = {
        name: None if path is None else (folder / path.expanduser()).absolute()
        for name, path in (
            *(("tls_cert", serve.tls_cert), ("tls_key", serve.tls_key)),
            ("tokens", serve.tokens),
        )
    }
    admin = serve.admin
    if admin.startswith(UNIX):
        admin = f"{UNIX}{(folder / Path(admin.removeprefix(UNIX)).expanduser()).absolute()}"
    places: dict[str, Path | str] = {
        name: (folder / value.expanduser()).absolute()
        for name, value in settings.kafka
        if isinstance(value, Path)
    }
    if command := settings.kafka.oauth_token_command:
        places["oauth_token_command"] = _command(command, folder)
    return settings.model_copy(
        update={
            "explain": settings.explain.located(folder),
            "serve": serve.model_copy(update={**files, "admin": admin}),
            "kafka": settings.kafka.model_copy(update=places),
            "home": home,
            "log": _url(settings.log, "log", path, home / "log.db"),
            "registry": _url(settings.registry, "registry", path, home / "registry.db"),
            "snapshots": _folder(settings.snapshots, path, home / "snapshots"),
        }
    )


def _url(url: str, key: str, path: Path, default: Path) -> str:
    if not url:
        return sqlite_url(default)
    try:
        file = sqlite_file(url)
        if file is None:
            return url
        return sqlite_url((path.parent / without_options(file).expanduser()).absolute())
    except ValueError as error:
        raise ConfigError(
            f"In {path}, or the environment: the key '{key}' is wrong: {shown_url(url)!r}: "
            f"{error}. Write sqlite:///PATH."
        ) from None


def _command(command: str, folder: Path) -> str:
    """A command whose program, if it is given by a path, begins at the folder."""
    with suppress(ValueError):  # what cannot be told apart is told when it is started
        words = shlex.split(command)
        if words and "/" in words[0]:
            words[0] = str((folder / Path(words[0]).expanduser()).absolute())
            return shlex.join(words)
    return command


def _folder(place: str, path: Path, default: Path) -> str:
    if "://" in place:
        raise ConfigError(
            f"In {path}, or the environment: the key 'snapshots' is wrong: {shown_url(place)!r} is "
            "a URL; it should be a folder."
        )
    return str((path.parent / Path(place).expanduser()).absolute() if place else default)
