"""The page of ``freshet check``: whatever a file holds, it stands alone, and can be heard."""

from __future__ import annotations

import random
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest

from converters.check.rendering import document, page
from tests.support.rows.check_files import HOSTILE, LABELLED, checked
from tests.support.rows.schemas import Columns

EMPTY = {"meta", "img", "link", "br", "hr", "input"}
PAGE_TAGS = {
    *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "ul", "li"),
    *("strong", "code", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "section"),
    *("svg", "rect", "circle", "path", "text", "details", "summary"),
}


class Page(HTMLParser):
    """A page as its tags, attributes and text; fails where tags do not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """A tag closes the last that opened."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text.append(data)

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        """The attributes of each tag of this name."""
        return (attributes for name, attributes in self.tags if name == tag)


def hostile() -> Page:
    """The page about a file whose every name and cell would be code if it could."""
    columns: Columns = {**LABELLED, HOSTILE[:-4]: {"kind": "categorical"}}
    rows = [(number % 2, HOSTILE if number == 3 else number, HOSTILE) for number in range(40)]
    return Page(page(checked(columns, rows)))


def test_nothing_in_a_file_becomes_markup() -> None:
    """Hostile names and cells are text of the page, and nothing else."""
    found = hostile()
    assert {tag for tag, _ in found.tags} <= PAGE_TAGS
    assert {
        name for _, attributes in found.tags for name in attributes if name[:2] == "on"
    } == set()
    text = "".join(found.text)
    assert "<script>alert(1)</script>" in text
    assert not any(ord(c) < 32 and c != "\n" for c in text)


def test_the_page_stands_alone() -> None:
    """No script, and nothing is fetched: no address, and a policy that forbids it."""
    found = hostile()
    assert not {"src", "href", "action"} & {name for _, each in found.tags for name in each}
    (policy,) = (each for each in found.named("meta") if "http-equiv" in each)
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in "".join(found.text)
    assert "@import" not in "".join(found.text)


def test_the_page_can_be_heard() -> None:
    """Pictures have words, tables have headers with a scope, the page a language."""
    found = hostile()
    pictures = list(found.named("svg"))
    assert pictures
    assert all(each["role"] == "img" and each["aria-label"] for each in pictures)
    assert {each["scope"] for each in found.named("th")} == {"col", "row"}
    assert next(found.named("html"))["lang"] == "en"
    assert len(list(found.named("table"))) == len(list(found.named("caption"))) >= 3


def test_pictures_show_both_halves_and_the_label_rate() -> None:
    """Each bar is drawn for both halves, to scale, with a dot for its share of positives."""
    rows = [(number % 2, number // 50, "ab"[number >= 100]) for number in range(200)]
    found = Page(page(checked({**LABELLED, "c": {"kind": "categorical"}}, rows)))
    bars = [each for each in found.named("rect") if each["x"] == "190.0"]
    widths = [(each["class"], each["width"]) for each in bars]
    assert widths == [("first", "280.0"), ("second", "0.0"), ("first", "0.0"), ("second", "280.0")]
    assert [each["cx"] for each in found.named("circle")][-2:] == ["545.0", "545.0"]


def test_refused_text_is_shown_as_long_as_it_is_quoted() -> None:
    """The page has room for the whole of a refused cell."""
    found = Page(page(checked(LABELLED, [(1, "far " * 40)])))
    assert f"2: {'far ' * 40}" in found.text


@pytest.mark.parametrize("columns", [60, pytest.param(3000, marks=pytest.mark.long)])
def test_many_columns(columns: int) -> None:
    """A wide file is reported on, every column of it."""
    dice = random.Random(3)
    names = [f"n{number}" for number in range(columns)]
    rows = 50 if columns < 500 else 1
    wide: Columns = {"late": {"role": "label"}, **{name: {"kind": "numeric"} for name in names}}
    cells = [[number % 2, *(dice.randrange(9) for _ in names)] for number in range(rows)]
    report = checked(wide, cells)
    found = Page(page(report))
    assert len(list(found.named("svg"))) == min(columns, 500)
    assert len(document(report)["columns"]) == columns + 1
