"""A small model with most of the config in use, and for every key another legal value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from converters.config import toml_text
from converters.config.column_settings import Section, section_in
from converters.config.settings import Settings

BASE = """
model = "loans"
log = "sqlite:///.freshet/log.db"
[columns]
id = { role = "id" }
at = { role = "time", zone = "Europe/Berlin" }
late = { role = "label" }
grade = { kind = "categorical", values = ["A", "B"], rare_values = ["C"], was = "class" }
amount = { kind = "numeric", min = 0, max = 5000 }
rate = { kind = "numeric", transform = "scale", center = 1, scale = 2 }
age = { kind = "numeric", transform = "bucket", edges = [0, 30, 60] }
salary = { kind = "numeric", features = ["scale", "bins"], edges = [0, 20] }
owner = { kind = "boolean" }
since = { kind = "time", zone = "UTC", parts = ["hour"] }
branch = { kind = "categorical", missing = "constant", fill_value = "none" }
note = { role = "drop" }
[label]
positive = ["1"]
negative = ["0"]
[learner]
kind = "vw"
args = "-b 10"
interactions = [["grade", "owner"]]
[learn]
processes = 1
[value]
true_positive = 5
false_positive = -1
[[shadow]]
name = "plain"
args = "-b 10 -l 0.1"
[serve]
tls_cert = "cert.pem"
tls_key = "key.pem"
"""
HEADER = "id,at,late,grade,amount,rate,age,salary,owner,since,branch,note"

# Which column has a key that only some may have.
COLUMN_OF = {
    "role": "note",
    "kind": "branch",
    "center": "rate",
    "scale": "rate",
    "edges": "age",
    "features": "salary",
    "clip": "salary",
    "true_values": "owner",
    "false_values": "owner",
    "parts": "since",
    "zone": "at",
    "fold": "at",
    "format": "at",
    "fill_value": "branch",
    "min": "amount",
    "max": "amount",
    "out_of_range": "amount",
    "transform": "amount",
}
COLUMN = "grade"
# Values that their types do not tell.
VALUES: dict[str, Any] = {
    "model": "other",
    "home": "elsewhere",
    "log": "sqlite:///other.db",
    "registry": "sqlite:///other.db",
    "snapshots": "elsewhere",
    "columns.role": "protected",
    "columns.kind": "text",
    "columns.transform": "log1p",
    "columns.parts": ["hour", "weekday"],
    "columns.zone": "Europe/Paris",
    "columns.format": "seconds",
    "columns.edges": [0, 20, 60],
    "columns.features": ["raw", "bins"],
    "columns.missing": "indicator",
    "columns.true_values": ["yes"],
    "columns.false_values": ["no"],
    "label.positive": ["1", "yes"],
    "label.negative": ["0", "no"],
    "csv.delimiter": ";",
    "csv.encoding": "cp1252",
    "learner.args": "-b 11",
    "learner.kind": "river",
    "learner.interactions": [["grade", "owner"], ["grade", "branch"]],
    "evaluation.window": 10,
    "evaluation.window_seconds": 600,
    "evaluation.slices": ["grade"],
    "evaluation.static_after": "2026-01-01",
    "evaluation.confidence": 0.9,
    "value.true_negative": 0.5,
    "value.false_negative": -0.5,
    "value.scale": "amount",
    "shadow.kind": "river",
    "shadow.args": "-b 11",
    "shadow.name": "other",
    "shadow.interactions": [],
    "imbalance.negative_share": 0.5,
    "kafka.properties": "kafka.properties",
    "kafka.oauth_extensions": {"logicalCluster": "one"},
    "kafka.sasl_mechanism": "PLAIN",
    "serve.hosts": ["models.example.com"],
    "serve.origins": ["https://ops.example.com"],
    "serve.admin": "off",
    "serve.threshold": 0.4,
}


def base() -> dict[str, Any]:
    """The config as it is before an edit."""
    return tomllib.loads(BASE)


def edited(*keys: str) -> dict[str, Any]:
    """The config with other values of some keys."""
    content = base()
    for key in keys:
        section, name = _place(content, key)
        known = key in VALUES
        section[name] = VALUES[key] if known else _other(name, _field(key), section.get(name))
    return content


def named(key: str) -> str:
    """A key as the command names it, with the column or shadow that is edited."""
    section, _, rest = key.partition(".")
    if section == "columns":
        return f"columns.{COLUMN_OF.get(rest, COLUMN)}.{rest}"
    if key.startswith("explain.words."):
        return key.replace("words.", f"words.{COLUMN}.")
    return f"shadow.plain.{rest}" if section == "shadow" else key


def write(folder: Path, content: dict[str, Any]) -> Path:
    """The config as a file, beside the one that the model was made by."""
    path = folder / "edited.toml"
    lines = [f"{name} = {toml_text.value(value)}" for name, value in content.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "kafka.properties").touch()
    return path


def rows(count: int = 60) -> str:
    """Rows of the model."""
    lines = [
        f"r{n},{1_700_000_000 + 600 * n},{n * n % 3 % 2},{'ABC'[n % 3]},{n * 40},{n % 7},{n},"
        f"{n % 31},"
        f"{'yes' if n % 2 else 'no'},2023-11-{n % 28 + 1:02} 10:00:00,b{n % 4},x"
        for n in range(count)
    ]
    return "\n".join([HEADER, *lines]) + "\n"


def _place(content: dict[str, Any], key: str) -> tuple[dict[str, Any], str]:
    *path, name = key.split(".")
    if path == ["columns"]:
        return content["columns"][COLUMN_OF.get(name, COLUMN)], name
    if path == ["explain", "words"]:
        words: dict[str, Any] = content.setdefault("explain", {}).setdefault("words", {})
        return words.setdefault(COLUMN, {}), name
    section = content
    for part in path:
        found = section.setdefault(part, {})
        section = found[0] if isinstance(found, list) else found
    return section, name


def _field(key: str) -> FieldInfo:
    section: type[Section] = Settings
    *path, name = key.split(".")
    for part in path:
        found = section_in(section.model_fields[part].annotation)
        assert found is not None
        section = found
    return section.model_fields[name]


def _other(name: str, field: FieldInfo, value: Any) -> Any:
    """Another value of a key, as its type allows."""
    now = field.get_default(call_default_factory=True) if value is None else value
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if kind]
    for kind in kinds:
        if get_origin(kind) is Literal:
            return next(choice for choice in get_args(kind) if choice != now)
    if bool in kinds:
        return not now
    if int in kinds or float in kinds:
        return _number(field, now)
    if any(get_origin(kind) is tuple for kind in kinds):
        return ["other"]
    return f"other-{name}" if now in (None, "") else f"{now}x"


def _number(field: FieldInfo, now: Any) -> float:
    bounds = {type(bound).__name__: bound for bound in field.metadata}
    most = getattr(bounds.get("Le"), "le", None)
    least = getattr(bounds.get("Ge"), "ge", 0)
    larger = (least or 0) + 1 if now is None else now + 1
    return larger if most is None or larger <= most else (now or most) / 2
