"""The documentation tells what is so: settings, commands and options."""

from __future__ import annotations

import re

from docs.make_configuration import PAGE, page
from tests.support import ROOT


def test_the_configuration_reference_is_the_settings() -> None:
    """Every key, default and meaning stands in docs/configuration.md as in the code."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m docs.make_configuration"
    headings = [line for line in page().splitlines() if line.startswith("## ")]
    assert len(headings) == len(set(headings))


def test_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link names a file that is there."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
