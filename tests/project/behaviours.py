"""The behaviours that the tests hold, sorted: ``python -m tests.project.behaviours [FOLDER]``.

A behaviour is the first line of a test's docstring. Two lists, made before and after a change, show
with ``diff`` what the change took away or added.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support import ROOT


def behaviours(tests: Path) -> Iterator[str]:
    """The first docstring line of every test function below a folder, or its name."""
    for path in tests.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith(
                "test_"
            ):
                text = ast.get_docstring(node)
                yield text.splitlines()[0] if text else node.name


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests"
    sys.stdout.writelines(f"{each}\n" for each in sorted(behaviours(where)))
