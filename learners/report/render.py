"""The report's sections in the order of reading; parts that a model does not have are left out."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from converters.show.charts import Chart, draw
from converters.show.pages import framed, table_html
from converters.show.tables import Table, counted, cut, print_table
from learners.report.breakdowns import (
    ages_section,
    delays_section,
    slices_section,
    versions_section,
)
from learners.report.curves import curves_section
from learners.report.figures import Section
from learners.report.input_rows import input_section
from learners.report.overall import counts_section, few_labels, overall_section
from learners.report.served_score import (
    calibration_section,
    decisions_section,
    distribution_section,
    effects_section,
    value_section,
)

# In the order of reading; and whether a section spreads the labels over bins or groups.
SECTIONS: Sequence[tuple[Callable[[Mapping[str, Any]], Section | None], bool]] = (
    (overall_section, False),
    (curves_section, False),
    (calibration_section, True),
    (distribution_section, True),
    (decisions_section, False),
    (value_section, False),
    (effects_section, True),
    (slices_section, True),
    (versions_section, True),
    (ages_section, True),
    (delays_section, False),
    (input_section, False),
    (lambda document: counts_section(document["counts"]), False),
)


def sections(document: Mapping[str, Any]) -> list[Section]:
    """All that the document has something to say about, and labels enough to say it of."""
    few = few_labels(document)
    made = (section(document) for section, spread in SECTIONS if not (few and spread))
    return [section for section in made if section is not None]


def title(document: Mapping[str, Any]) -> str:
    """What the report is about."""
    return f"Report on model '{document['model']}', {which(document)}"


def which(document: Mapping[str, Any]) -> str:
    """The version that a report or comparison speaks of."""
    version = document["version"]
    return "its newest checkpoint" if version is None else f"version {version}"


def headline(document: Mapping[str, Any]) -> str:
    """The learner, how much it has learned and when, in a line."""
    learner, counts = document["learner"], document["counts"]
    learned = counted(counts.get("learned", 0), "event", "events")
    return (
        f"{learner['kind']}, {learned} learned, lineage {document['lineage']}, "
        f"created {document['made_at']}."
    )


WIDTH = 96
# Of a long table of moments, the terminal shows the latest; page and JSON have all.
MOST_ROWS = 24


def show(head: str, sections: Sequence[Section]) -> None:
    """Print a report on standard output."""
    out = sys.stdout
    out.write(f"{head}\n")
    for section in sections:
        out.write(f"\n{section.title}\n{'-' * len(section.title)}\n")
        for paragraph in section.words:
            out.write(f"{textwrap.fill(paragraph, WIDTH, break_on_hyphens=False)}\n")
        for table in section.tables:
            if table.rows:
                out.write("\n")
                print_table(shortened(table) if section.folded else table, out)


def shortened(table: Table) -> Table:
    """A table's last rows; the title says that there are more."""
    left_out = len(table.rows) - MOST_ROWS
    if left_out <= 0:
        return table
    said = f"{table.title} (the last {MOST_ROWS}; {left_out:,} more with --json or --html)"
    return table._replace(title=said, rows=table.rows[-MOST_ROWS:])


# Lines differ in colour and in their dashes, for grey paper and for eyes that see few colours.
LINES = (
    ("#1b4f9c", "#8ab4f8", ""),
    ("#b3261e", "#ff9d94", "6 3"),
    ("#6b7280", "#aab4c3", "2 3"),
    ("#8a5a00", "#f2c46d", "8 3 2 3"),
    ("#1e7b4d", "#7fd1a5", ""),
    ("#7b3fa0", "#d3a6ee", "6 3"),
    ("#0f7285", "#7fd6e6", "2 3"),
    ("#9c1b6b", "#f59bd0", "8 3 2 3"),
)
PRINTED = (
    "@media print { body { max-width: none; margin: 0; font-size: 11px; }\n"
    "  section { break-inside: avoid-page; } summary { display: none; } }\n"
)


def page(title: str, told: str, sections: Sequence[Section]) -> str:
    """The whole page.

    Args:
        title: what the report is about.
        told: a line below the heading.
        sections: in the order of reading.
    """
    return framed(cut(title, 100), _body(title, told, sections), _style())


def _body(title: str, told: str, sections: Sequence[Section]) -> Iterator[str]:
    yield f"<h1>{escape(cut(title, 100))}</h1><p>{escape(told)}</p>"
    for section in sections:
        yield f"<section><h2>{escape(section.title)}</h2>"
        yield from (f"<p>{escape(paragraph)}</p>" for paragraph in section.words)
        yield from _pictures(section.pictures)
        for table in section.tables:
            if table.rows:
                yield from _table(table, folded=section.folded)
        yield "</section>"


def _pictures(pictures: Sequence[Chart]) -> Iterator[str]:
    for picture in pictures:
        drawn = draw(picture)
        if drawn:
            caption = escape(cut(picture.title[:1].upper() + picture.title[1:]))
            yield f"<figure><figcaption>{caption}</figcaption>{drawn}</figure>"


def _table(table: Table, *, folded: bool) -> Iterator[str]:
    if folded:
        yield f"<details><summary>{escape(table.title)}, in numbers</summary>"
        yield from table_html(table)
        yield "</details>"
        return
    yield f"<h3>{escape(table.title)}</h3>"
    yield from table_html(table)


def _style() -> str:
    """The lines' colours in light and dark, and the page on paper."""
    light, dark, rules = [], [], []
    for number, (day, night, dashes) in enumerate(LINES):
        light.append(f"--line{number}: {day};")
        dark.append(f"--line{number}: {night};")
        dashed = f" stroke-dasharray: {dashes};" if dashes else ""
        width = 2 if number == 0 else 1.4
        rules.append(
            f".line{number} {{ fill: none; stroke: var(--line{number}); "
            f"stroke-width: {width};{dashed} }}\n.dot{number} {{ fill: var(--line{number}); }}"
        )
    return (
        f":root {{ {' '.join(light)} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {' '.join(dark)} }} }}\n"
        + "\n".join(rules)
        + "\n.mark { fill: none; stroke: var(--ink); stroke-dasharray: 1 3; }\n"
        + "figure { margin: .5rem 1rem .5rem 0; display: inline-block; }\nh3 { font-size: 1em; }\n"
        + PRINTED
    )
