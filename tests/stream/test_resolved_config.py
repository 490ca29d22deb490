"""A lineage's own config, as the registry keeps it, is the config that it was begun with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converters.changes.costs import Cost, consequence
from converters.config.load import from_values
from converters.errors import UsageError
from converters.schema.schema import from_settings
from converters.schema.writer_schema import WriterSchema
from stream.checkpoints.same_model import ChangedModelError, check_same
from stream.resolved_config import (
    ResolvedConfig,
    WrittenUntil,
    deciding,
    of_lineage,
    resolve,
    with_writers,
)
from tests.stream.config_diff.edited_configs import base, edited
from tests.support.config_keys import KEYS
from tests.support.streams.folds import begun_by

DECIDE = [key for key in KEYS if consequence(key).cost is Cost.LINEAGE]


def context(content: dict[str, Any]) -> ResolvedConfig:
    """A config, resolved."""
    settings = from_values(content, Path("freshet.toml"))
    return resolve(settings, from_settings(settings))


PLAIN = context(base())


def kept(config: ResolvedConfig) -> dict[str, Any]:
    """What the registry gives back of a config."""
    found: dict[str, Any] = json.loads(json.dumps(deciding(config)))
    return found


@pytest.mark.parametrize("key", DECIDE)
def test_every_key_that_decides_what_is_learned_is_kept(key: str) -> None:
    """Today's settings have another value of it, and change nothing."""
    own = context(edited(key))
    again = of_lineage(PLAIN.settings, kept(own))
    assert deciding(again) == deciding(own)
    assert (again.schema, again.spec) == (own.schema, own.spec)
    check_same(own, begun_by(again))


def test_the_rest_is_todays() -> None:
    """What is measured, where things are, and how often they are saved is no lineage's."""
    today = context(edited("checkpoint.events", "evaluation.window", "late_labels.memory"))
    again = of_lineage(today.settings, kept(PLAIN))
    assert again.settings.checkpoint == today.settings.checkpoint
    assert again.settings.evaluation == today.settings.evaluation
    assert again.settings.late_labels == today.settings.late_labels


def test_a_key_of_a_later_release_is_at_its_default() -> None:
    """A lineage that was begun without it did not do what it says, whatever the file says now."""
    old = kept(PLAIN)
    del old["imbalance"], old["late_labels"]["allow_corrections"]
    today = context(edited("imbalance.positive_weight", "late_labels.allow_corrections"))
    again = of_lineage(today.settings, old)
    assert again.settings.imbalance == PLAIN.settings.imbalance
    assert again.settings.late_labels == PLAIN.settings.late_labels


def test_a_key_that_is_not_known_here_is_named() -> None:
    """Of a newer release: this one cannot learn by it, and says which one can."""
    newer = kept(PLAIN)
    newer["late_labels"]["patience"] = 5
    with pytest.raises(UsageError, match=r"late_labels\.patience.*release that began it"):
        of_lineage(PLAIN.settings, newer)


def test_what_makes_no_schema_here_is_told() -> None:
    """A config that the rules of this release refuse: the key and why."""
    strange = kept(PLAIN)
    strange["columns"]["rate"]["edges"] = [1]
    with pytest.raises(UsageError, match=r"cannot learn: columns\.rate\.edges"):
        of_lineage(PLAIN.settings, strange)


def test_a_learner_of_any_kind_is_the_one_that_was_chosen() -> None:
    """``auto`` is kept as what it was; the file may say either."""
    content = base()
    content["learner"]["kind"] = "auto"
    automatic = context(content)
    assert kept(automatic)["learner"]["kind"] == "vw"
    check_same(PLAIN, begun_by(automatic))
    check_same(automatic, begun_by(PLAIN))


def test_measures_that_the_lineages_columns_do_not_allow_are_left_out() -> None:
    """Today's config may measure a column that is new."""
    content = base()
    content["columns"]["region"] = {"kind": "categorical"}
    content["columns"]["sum"] = {"kind": "numeric"}
    content["evaluation"] = {"slices": ["region", "grade"]}
    content["value"]["scale"] = "sum"
    again = of_lineage(context(content).settings, kept(PLAIN))
    assert again.settings.evaluation.slices == ("grade",)
    assert again.settings.value is not None
    assert again.settings.value.scale == ""
    with pytest.raises(UsageError, match="no column 'regions'"):
        context(base() | {"evaluation": {"slices": ["regions"]}})


def test_columns_that_are_gone_are_passed_over() -> None:
    """Names of earlier schemas; through JSON and back."""
    until = {"loans.events": {0: 5, 1: 7}}
    writer = WriterSchema(("id", "income", "late"), ";", False, ("a",), ())
    before = WrittenUntil.from_json(json.loads(json.dumps(WrittenUntil(until, writer).to_json())))
    assert before == WrittenUntil(until, writer)
    again = of_lineage(PLAIN.settings, kept(PLAIN), [before])
    assert again.schema.former == {"income"}
    assert again.schema.hash == PLAIN.schema.hash
    assert again == with_writers(PLAIN, [before])


def test_a_refusal_names_each_key_with_both_values() -> None:
    """Columns in words; and what to do."""
    content = edited("late_labels.wait", "label.positive")
    columns = content["columns"]
    columns |= {"region": {"kind": "categorical"}, "sum": {"kind": "numeric", "was": "amount"}}
    del columns["amount"], columns["note"]
    columns["rate"] = {"kind": "categorical"}
    with pytest.raises(ChangedModelError) as refused:
        check_same(context(content), begun_by(PLAIN))
    for words in (
        "late_labels.wait: 604800 -> ",
        '["1"] -> ["1", "yes"]',
        "'note' is removed",
        "'region' is added",
        "'amount' is renamed to 'sum'",
        'columns.rate.kind: "numeric" -> "categorical"',
        "freshet backfill log --fresh --promote",
        "freshet config diff",
    ):
        assert words in str(refused.value)
