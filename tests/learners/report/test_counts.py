"""What a report says of counts and versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from learners.registry.row_types import Version
from learners.report.breakdowns import delays_section
from learners.report.checkpoint_measures import Span, chain, spans, versions_text, versions_within
from learners.report.document import equations
from learners.report.figures import drawn, figure
from learners.report.overall import counts_section

COUNTS = {
    "events": 28,
    "learned": 1,
    "waiting": 2,
    "expired": 3,
    "scored_only": 4,
    "rejected": 5,
    "duplicates": 6,
    "quarantined": 7,
    "labels": 7,
    "labels_joined": 4,
    "labels_late": 3,
}


@dataclass
class MadeVersion:
    """As much of a version as the chain asks for."""

    version: int
    learned: int
    parent_version: int | None
    lineage: int = 1
    events: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        """Counts as the registry has them."""
        self.events = {"learned": self.learned}


def made(*each: tuple[int, int, int | None]) -> list[Version]:
    """Versions by number, lessons and parent."""
    return cast("list[Version]", [MadeVersion(*one) for one in each])


def test_the_equations_are_written_out_and_hold() -> None:
    """Events and labels each stand with all their parts in numbers."""
    events, labels = (each.words() for each in equations(COUNTS))
    assert events == (
        "events 28 = learned 1 + waiting 2 + expired 3 + scored_only 4 + rejected 5 + duplicates 6 "
        "+ quarantined 7."
    )
    assert labels == "labels 7 = labels_joined 4 + labels_late 3."


def test_counts_that_do_not_add_up_are_told() -> None:
    """A broken equation is called a fault."""
    events, labels = equations(COUNTS | {"events": 29})
    assert not events.holds
    assert "do not add up" in events.words()
    assert labels.holds


def test_every_count_is_listed_with_its_meaning() -> None:
    """The table has each part of both equations once."""
    rows = counts_section(COUNTS).tables[0].rows
    assert {name: int(count) for name, count, _ in rows} == COUNTS
    assert all(meaning for _, _, meaning in rows)


def test_lessons_left_out_are_told_where_there_are_any() -> None:
    """Negative lessons that were not taught count among those learned, and by themselves."""
    told = counts_section(COUNTS | {"left_out": 5})
    assert [name for name, _, _ in told.tables[0].rows][-1] == "left_out"
    assert told.words == counts_section(COUNTS).words


def no_weights(_lineage: int) -> None:
    """No lineage took only the weights of a version."""


def test_the_chain_leaves_out_versions_of_other_lineages() -> None:
    """Only the versions from which a checkpoint came, oldest first."""
    versions = made((1, 10, None), (2, 20, 1), (3, 25, 1), (4, 40, 3))
    assert [v.version for v in chain(versions, versions[3], no_weights)] == [1, 3, 4]
    unnumbered: Any = MadeVersion(0, 50, 2)
    assert [v.version for v in chain(versions, unnumbered, no_weights)] == [1, 2]


def test_a_chain_in_a_circle_ends() -> None:
    """A damaged registry does not hang the report."""
    versions = made((1, 10, 2), (2, 20, 1))
    assert [v.version for v in chain(versions, versions[1], no_weights)] == [1, 2]


def test_scores_belong_to_the_version_behind_them() -> None:
    """From a version's own lessons up to the next one's; before the first to none."""
    found = spans(made((1, 10, None), (2, 20, 1)))
    assert found == [Span(None, 0, 10), Span(1, 10, 20), Span(2, 20, None)]
    assert versions_within(found, 0, 10) == [None]
    assert versions_within(found, 5, 15) == [None, 1]
    assert versions_within(found, 19, 21) == [1, 2]
    assert versions_within(found, 20, 1000) == [2]


def test_versions_are_named_shortly() -> None:
    """Runs are drawn together, and what came before the first version on the way is said."""
    assert versions_text([None, 1, 2, 3], 1) == "before version 1, 1-3"
    assert versions_text([None, 2, 3], 2) == "before version 2, 2-3"
    assert versions_text([4], 1) == "4"


def test_a_figure_that_may_be_far_off_is_left_out() -> None:
    """A bound above .05 leaves nothing to be read, in the text and on the page's curves."""
    near, far = {"auc": 0.7, "auc_error": 0.05}, {"auc": 0.5, "auc_error": 0.051}
    assert (figure(near, "auc"), drawn(near, "auc")) == ("0.700±0.050", 0.7)
    assert (figure(far, "auc"), drawn(far, "auc")) == ("not precise enough", None)


def test_stretches_without_labels_are_one_line_of_the_delays() -> None:
    """One early label and many late ones do not make dozens of empty rows."""
    counts = [0, 3, 0, 0, 0, 0, 2, 0]
    steps = [
        {"from_ms": n * 1000, "to_ms": n * 1000 + 1000, "count": c} for n, c in enumerate(counts)
    ]
    section = delays_section({"measures": {"delays": steps}})
    assert section is not None
    assert [row[:2] for row in section.tables[0].rows] == [
        ["1 second to 2 seconds", "3"],
        ["2 seconds to 6 seconds", "0"],
        ["6 seconds to 7 seconds", "2"],
    ]
