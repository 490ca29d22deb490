"""Names of modules that stand in strings, where no import statement and no type checker sees them.

Such are given to ``importlib`` or to ``python -m``, patched by tests, or referred to in docstrings.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

from converters.config.settings import ServeSettings
from tests.support import ROOT

PACKAGES = ("converters", "learners", "stream", "serve", "tests", "benchmarks")
NAME = rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+"
WHOLE = re.compile(rf"""(?<![\w\]])["']({NAME})["']""")
IMPORT = re.compile(rf"\b(?:from|import) ({NAME})")  # also in code for `python -c`
RUN = re.compile(rf"""["']-m["'], ["']({NAME})["']""")
PATTERN = re.compile(rf"""\bf"((?:{"|".join(PACKAGES)})\.[^\s"]*{{[^\s"]*)\"""")
REFERENCE = re.compile(rf":[a-z]+:`~?({NAME})`")
# What looks alike: keys of the config's section of the same name, right and wrong, and a file.
KEYS = {f"serve.{key}" for key in ServeSettings.model_fields}
OTHERS = {*KEYS, "serve.prot", "serve.wombat", "tests.xml"}


@cache
def sources() -> dict[Path, str]:
    """All modules' texts."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path: path.read_text(encoding="utf-8") for path in paths}


@cache
def modules() -> set[str]:
    """All modules' names."""
    parts = [path.relative_to(ROOT).with_suffix("").parts for path in sources()]
    return {".".join(each[:-1] if each[-1] == "__init__" else each) for each in parts}


def named(*forms: re.Pattern[str]) -> dict[str, str]:
    """What is named in one of these forms, and where."""
    return {
        name: str(path.relative_to(ROOT))
        for path, text in sources().items()
        if path != Path(__file__)
        for form in forms
        for name in form.findall(text)
    }


def resolve(name: str) -> object:
    """A module, or a name in one.

    Raises:
        ImportError: there is no such module.
        AttributeError: the module has no such name.
    """
    parts = name.split(".")
    end = next(n for n in range(len(parts), 0, -1) if ".".join(parts[:n]) in modules())
    found: object = importlib.import_module(".".join(parts[:end]))
    for part in parts[end:]:
        found = getattr(found, part, None) or getattr(found, "__annotations__", {})[part]
    return found


def unresolved(names: dict[str, str]) -> list[str]:
    """Those that name nothing, and where they stand."""
    wrong = []
    for name, place in names.items():
        try:
            resolve(name)
        except (ImportError, AttributeError, KeyError) as error:
            wrong.append(f"{place}: {name}: {error!r}")
    return wrong


def test_every_module_named_in_a_string_is_there() -> None:
    """Those for importlib, for `python -m` and `python -c`, and those that tests patch."""
    names = named(WHOLE, IMPORT)
    assert {"learners.vw.learner", "stream.reading.reader_main", "serve.cli"} <= names.keys()
    assert unresolved({name: place for name, place in names.items() if name not in OTHERS}) == []


def test_every_pattern_of_module_names_fits_one() -> None:
    """An f-string gives the name of a log's module by its kind."""
    patterns = named(PATTERN)
    assert patterns
    for pattern, place in patterns.items():
        fitting = re.compile(r"\w+".join(map(re.escape, re.split(r"{[^}]*}", pattern))))
        assert any(map(fitting.fullmatch, (*modules(), *KEYS))), place


def test_every_reference_in_a_docstring_is_there() -> None:
    """A reader who follows one finds what it names."""
    assert unresolved(named(REFERENCE)) == []


def test_the_command_is_there() -> None:
    """What an installation runs as `freshet` can be imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for entry in project["scripts"].values():
        assert callable(resolve(entry.replace(":", ".")))


@pytest.mark.parametrize("name", ["stream.nowhere", "stream.log.nowhere", "serve.cli.nowhere"])
def test_a_name_that_is_gone_is_found(name: str) -> None:
    """A module, one in a room, and a name in a module."""
    assert unresolved({name: "here"})
