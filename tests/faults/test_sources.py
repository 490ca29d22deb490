"""Nothing in the sources unpickles or evaluates: a search of their syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.support import ROOT

PACKAGES = ("converters", "learners", "stream", "serve")
# Modules that run what they read, or are known to, and calls that do.
MODULES = {
    *("pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"),
    *("torch", "yaml", "jsonpickle", "dbm", "code", "codeop", "runpy", "imp"),
}
# The pipe between the two processes of one learner: nobody else writes to it, and it is no file.
ALLOWED = {("stream/reading/batch_messages.py", "marshal")}
CALLS = {"eval", "exec", "compile", "__import__", "execfile"}
METHODS = {"read_pickle", "to_pickle", "load_module", "eval", "system"}


def sources() -> Iterator[tuple[str, ast.AST]]:
    """Every node of the four packages, with the file where it stands."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            place = str(path.relative_to(ROOT))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield place, node


def forbidden(node: ast.AST) -> str:
    """What is wrong with a node: the name of what could run what is read; empty if nothing."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        module = getattr(node, "module", None)
        names = [module] if module else [alias.name for alias in node.names]
        return next((name for name in names if name.split(".")[0] in MODULES), "")
    if isinstance(node, ast.Call):
        name = node.func
        if isinstance(name, ast.Name):
            return name.id if name.id in CALLS else ""
        if isinstance(name, ast.Attribute):
            return name.attr if name.attr in METHODS else unsafe_load(node, name)
    return ""


def unsafe_load(call: ast.Call, name: ast.Attribute) -> str:
    """``np.load`` that does not say ``allow_pickle=False``."""
    numpy = isinstance(name.value, ast.Name) and name.value.id in {"np", "numpy"}
    if not numpy or name.attr not in {"load", "save", "savez", "savez_compressed"}:
        return ""
    said = {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}
    return "" if said.get("allow_pickle") is False else f"np.{name.attr} with pickles"


def test_no_source_unpickles_or_evaluates() -> None:
    """No import and no call in the four packages could run what it reads."""
    assert {(place, what) for place, node in sources() if (what := forbidden(node))} == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        *("import pickle", "from pickle import loads", "import torch.nn", "import yaml"),
        *(
            "eval('1')",
            "exec(x)",
            "np.load(path)",
            "np.load(p, allow_pickle=True)",
            "__import__(x)",
        ),
        *(
            "numpy.savez(f, **a)",
            "pandas.read_pickle(p)",
            "compile(a, b, c)",
            "from marshal import *",
        ),
    ],
)
def test_the_search_of_the_sources_finds_what_it_looks_for(text: str) -> None:
    """The search of the sources finds each form of unpickling and evaluating."""
    assert any(forbidden(node) for node in ast.walk(ast.parse(text)))
