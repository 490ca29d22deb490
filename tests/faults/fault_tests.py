"""The other fault tests as rows of the closing table: each test's first sentence and its result.

Runs them with pytest, the long ones too, and reads its report.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.faults.kills import STATE
from tests.faults.table import Table
from tests.faults.zygote import ROOT

REPORT = STATE / "tests.xml"


def fault_tests() -> tuple[Table, bool]:
    """Run them; the table, and whether all is well."""
    STATE.mkdir(parents=True, exist_ok=True)
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "tests/faults", "-m", "long or not long", "-q"]
    subprocess.run([*command, f"--junitxml={REPORT}"], cwd=ROOT, check=False)
    cases = list(ET.parse(REPORT).iter("testcase")) if REPORT.exists() else []
    failed = any(_result(case) == "FAILED" for case in cases)
    columns = ("fault", "result", "seconds", "command")
    return Table("Faults", columns, sorted(map(_row, cases))), bool(cases) and not failed


def _row(case: ET.Element) -> tuple[str, str, str, str]:
    module, name = case.get("classname", ""), case.get("name", "")
    path = Path(*module.split(".")).with_suffix(".py")
    seconds = f"{float(case.get('time', 0)):.1f}"
    function, _, parameters = name.partition("[")
    said = _first_line(ROOT / path, function)
    if parameters:
        said += f" ({parameters.rstrip(']')})"
    return said, _result(case), seconds, f"pytest -m '' {path} -k {function}"


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
