"""docs/architecture.md and CONTRIBUTING.md name rooms, files and functions that there are."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support import ROOT

FLOORS = ("serve", "stream", "learners", "converters")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
STEPS = sorted(set(re.findall(r"`([\w/]+\.py):([\w.]+)`", ARCHITECTURE + CONTRIBUTING)))


def drawn() -> set[str]:
    """The floors and rooms of the drawing."""
    (drawing,) = re.findall(r"```text\n(.*?)```", ARCHITECTURE, re.DOTALL)
    found, path = set(), list[str]()
    for line in drawing.splitlines():
        indent, name = re.match(r"((?:  )*)(\w+)/ +\S", line).groups()  # type: ignore[union-attr]
        path[len(indent) // 2 :] = [name]
        found.add("/".join(path))
    return found


def existing() -> set[str]:
    """The floors, and every folder in them that holds a file."""
    files = [p for floor in FLOORS for p in (ROOT / floor).rglob("*") if p.is_file()]
    folders = {p.parent.relative_to(ROOT) for p in files}
    return {str(folder) for folder in folders if "__pycache__" not in folder.parts}


def test_the_drawing_has_every_room_and_no_other() -> None:
    """Each folder of the four floors is drawn, and each one drawn is there."""
    assert drawn() == existing()


def definitions(path: str) -> set[str]:
    """The functions, classes and methods that a module defines."""
    found: set[str] = set()
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (
                n for n in node.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
            )
            found |= {f"{node.name}.{method.name}" for method in methods}
    return found


@pytest.mark.parametrize(("path", "name"), STEPS, ids=lambda part: part)
def test_every_step_names_a_function_that_there_is(path: str, name: str) -> None:
    """The file exists and defines the function, class or method."""
    assert (ROOT / path).is_file()
    assert name in definitions(path)


def test_the_six_ways_are_told() -> None:
    """An event, a label, both rollbacks and both kinds of requests, each in steps."""
    headings = re.findall(r"^## (.*)$", ARCHITECTURE, re.MULTILINE)
    assert len([h for h in headings if re.search("event becomes|label|rollback|request", h)]) == 6
    assert len(STEPS) > 30


def test_contributing_names_files_that_there_are() -> None:
    """Every path in backquotes exists, but for those that a walk creates."""
    paths = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)+/?)`", CONTRIBUTING))
    created = set(re.findall(r"[Cc]reate `([^`]+)`", CONTRIBUTING))
    assert len(paths) > 20
    assert {path for path in paths - created if not (ROOT / path).exists()} == set()
    assert {path for path in created if (ROOT / path).exists()} == set()
