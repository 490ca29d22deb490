"""The documentation tells what is so: settings, commands and options."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from docs.make_configuration import PAGE, page
from tests.support import ROOT


def test_the_configuration_reference_is_the_settings() -> None:
    """Every key, default and meaning stands in docs/configuration.md as in the code."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.make_configuration"
    headings = [line for line in page().splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings))


def pages() -> dict[str, str]:
    """Every document that people read, by its path."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}


def anchors(text: str) -> set[str]:
    """The names under which a page's headings can be linked."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere() -> None:
    """Every relative link of a document names a file that is there, and a heading that it has."""
    broken = []
    found = pages()
    for name, text in found.items():
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if "://" in link:
                continue
            target, _, heading = link.partition("#")
            path = ((ROOT / name).parent / target).resolve() if target else ROOT / name
            if not path.exists() or (heading and heading not in anchors(path.read_text("utf-8"))):
                broken.append(f"{name}: {link}")
    assert broken == []
    assert "docs/architecture.md" in found["README.md"]
    assert "CONTRIBUTING.md" in found["README.md"]


def test_the_index_lists_every_document() -> None:
    """And every script that generates one."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    documents = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    scripts = {path.stem for path in (ROOT / "docs").glob("make_*.py")}
    assert {name for name in documents if f"]({name})" not in index} == set()
    assert {name for name in scripts if f"python -m docs.{name}`" not in index} == set()


def test_files_that_documents_name_are_there() -> None:
    """Every path of a Python file in a document's text exists."""
    named = {
        (name, path)
        for name, text in pages().items()
        if name != "CONTRIBUTING.md"  # names files to create, and has a test of its own
        for path in re.findall(r"[\w.]+(?:/[\w.]+)+\.py\b", text)
    }
    assert len(named) > 10
    assert {(name, path) for name, path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("script", sorted(p.stem for p in (ROOT / "docs").glob("make_*.py")))
def test_scripts_of_documents_use_what_there_is(script: str) -> None:
    """Each can be imported, and has something to run."""
    assert import_module(f"docs.{script}").__doc__
    assert "__main__" in (ROOT / "docs" / f"{script}.py").read_text(encoding="utf-8")


def test_pictures_are_small() -> None:
    """None is over 300 KB."""
    pictures = [p for p in (ROOT / "docs").iterdir() if p.suffix in {".png", ".svg"}]
    assert pictures
    assert [p.name for p in pictures if p.stat().st_size > 300_000] == []
