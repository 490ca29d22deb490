"""A report as sections: words, tables and pictures, which the terminal and the page both show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from converters.show.pictures import Picture
from converters.show.tables import Table


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes:
        title: its heading.
        words: paragraphs.
        tables: in the order of reading.
        pictures: for the page only.
        folded: whether the page shows the tables only when asked.
    """

    title: str
    words: Sequence[str] = ()
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = field(default=())
    folded: bool = False
