"""The other fault tests as rows of the closing table: each test's first sentence and its result.

Runs them with pytest, the long ones too, and reads its report.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.faults.kills import STATE
from tests.faults.table import Table
from tests.support import ROOT

# Most of the time these tests wait for time-outs; those of one file share a broker.
WORKERS = 3
REPORT = STATE / "tests.xml"
HTTP = "tests/faults/http"
COLUMNS = ("fault", "result", "seconds", "command")


def fault_tests() -> tuple[Table, bool]:
    """Run those of the log, the learner and the disk; the table, and whether all is well."""
    return tests_of(["tests/faults", f"--ignore={HTTP}"], "Faults")


def http_tests() -> tuple[Table, bool]:
    """Run those of the HTTP server; likewise."""
    return tests_of([HTTP], "Tests")


def tests_of(chosen: Sequence[str], heading: str) -> tuple[Table, bool]:
    """Run the tests that pytest's arguments choose."""
    STATE.mkdir(parents=True, exist_ok=True)
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", *chosen, "-m", "long or not long", "-q"]
    command += ["-n", str(WORKERS), "--dist", "loadfile"]
    subprocess.run([*command, f"--junitxml={REPORT}"], cwd=ROOT, check=False)
    if not REPORT.exists():
        return Table(heading, COLUMNS, []), False
    cases = list(ET.parse(REPORT).iter("testcase"))
    failed = any(_result(case) == "FAILED" for case in cases)
    return Table(heading, COLUMNS, rows_of(cases)), bool(cases) and not failed


def rows_of(cases: Iterable[ET.Element]) -> list[tuple[str, str, str, str]]:
    """A row for each test function, whatever number of cases it has."""
    grouped: dict[tuple[str, str], list[ET.Element]] = {}
    for case in cases:
        function = case.get("name", "").partition("[")[0]
        grouped.setdefault((case.get("classname", ""), function), []).append(case)
    rows = []
    for (module, function), of_function in sorted(grouped.items()):
        path = Path(*module.split(".")).with_suffix(".py")
        results = Counter(map(_result, of_function))
        rows.append(
            (
                _first_line(ROOT / path, function),
                ", ".join(f"{count} {result}" for result, count in sorted(results.items())),
                f"{sum(float(case.get('time', 0)) for case in of_function):.0f}",
                f"pytest -m '' {path} -k {function}",
            )
        )
    return rows


def _result(case: ET.Element) -> str:
    kinds = {child.tag for child in case}
    if kinds & {"failure", "error"}:
        return "FAILED"
    return "skipped" if "skipped" in kinds else "passed"


def _first_line(path: Path, function: str) -> str:
    """The sentence with which a test says what it shows."""
    if path.exists():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name == function:
                return (ast.get_docstring(node) or function).splitlines()[0]
    return function
