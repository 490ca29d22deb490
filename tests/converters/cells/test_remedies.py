"""For each reason of a refusal there is one sentence on what helps, in the code and in the docs."""

from __future__ import annotations

import re

import pytest

from converters.cells.refusal import SENTENCES, Refusal, wrong_width
from converters.cells.remedies import REMEDIES, ReasonCounts, explained, listed
from converters.config.settings import Settings
from learners.line_bounds import UNLEARNABLE
from stream.dead_letters.resend import CONFLICT
from tests.support import ROOT

TABLE = re.findall(
    r"^\| `([a-z0-9-]+)` \| (.+) \| (.+) \|$",
    (ROOT / "docs" / "converter.md")
    .read_text("utf-8")
    .partition("## Why rows are refused\n")[2]
    .partition("\n## ")[0],
    re.MULTILINE,
)


def test_every_reason_has_a_remedy() -> None:
    """Those of the converter, of the learner and of the joins, and no other."""
    assert set(REMEDIES) == {*SENTENCES, UNLEARNABLE, CONFLICT, "accepted-in-place"}


def test_the_table_of_the_docs_is_the_code() -> None:
    """Every reason once, what helps in the same words."""
    assert sorted((reason, helps) for reason, _, helps in TABLE) == sorted(REMEDIES.items())


@pytest.mark.parametrize("remedy", REMEDIES.values())
def test_remedies_are_one_sentence_and_name_settings_that_exist(remedy: str) -> None:
    """It begins small and ends open, to follow a colon; sections and their keys are real."""
    assert remedy[0].islower()
    assert remedy[-1] not in ".:;"
    for section in re.findall(r"`\[(\w+)\]`", remedy):
        assert section in Settings.model_fields
    for key, section in re.findall(r"`(\w+)[^`]*` (?:of|in) `\[(\w+)\]`", remedy):
        fields = Settings.model_fields[section].annotation
        assert key in fields.model_fields  # type: ignore[union-attr]


def test_counts_are_told_with_an_example_and_never_with_a_cell() -> None:
    """The commonest first; a row's width, or the column, as first seen."""
    counts = ReasonCounts()
    counts.add([Refusal("not-a-number", "amount", "secret"), wrong_width(["secret"] * 3, 5)])
    counts.add([wrong_width(["a"] * 9, 5), Refusal("not-a-number", "age", "x")])
    counts.add([Refusal("quote", "", "x"), wrong_width(["secret"] * 3, 5)])
    assert counts.total == 6
    assert listed(counts.reasons) == "3 wrong-width, 2 not-a-number, 1 quote"
    told = explained(counts.reasons, counts.examples)
    assert told == [
        f"3 wrong-width (3 cells, not 5): {REMEDIES['wrong-width']}.",
        f"2 not-a-number (column 'amount'): {REMEDIES['not-a-number']}.",
        "1 quote.",
    ]
