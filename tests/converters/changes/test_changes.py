"""What differs between two configs, in words and with its cost."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from converters.changes.changes import Change, changes, stored
from converters.changes.costs import Cost
from converters.config.load import from_values
from converters.config.settings import Settings

CONFIG: dict[str, Any] = {
    "model": "m",
    "columns": {
        "id": {"role": "id"},
        "amount": {"kind": "numeric"},
        "grade": {"kind": "categorical", "values": ["A", "B"]},
        "paid": {"role": "label"},
    },
    "label": {"positive": ["1", "yes"], "negative": ["0"]},
}


def settings(**sections: Any) -> Settings:
    """The config with these sections in place of its own."""
    return from_values(deepcopy(CONFIG) | sections, Path("/nowhere/freshet.toml"))


def between(**sections: Any) -> list[Change]:
    """What changes when these sections do."""
    return changes(stored(settings()), stored(settings(**sections)))


def only(**sections: Any) -> Change:
    """The one change."""
    [found] = between(**sections)
    return found


def columns(**some: Any) -> dict[str, Any]:
    """The columns with some in place of others; without those that are None."""
    found: dict[str, Any] = deepcopy(CONFIG["columns"]) | some
    return {name: column for name, column in found.items() if column is not None}


def test_nothing() -> None:
    """Two equal configs differ in nothing."""
    assert between() == []


def test_changed_key() -> None:
    """A changed key has its old and its new value, its cost, and words."""
    change = only(late_labels={"wait": 60})
    assert (change.key, change.old, change.new) == ("late_labels.wait", 604800.0, 60.0)
    assert change.words == "late_labels.wait: 604800 -> 60"
    assert change.cost is Cost.LINEAGE


def test_default_written_out() -> None:
    """A key that is set to its default has not changed; nor has one that an older release lacks."""
    old = stored(settings())
    del old["late_labels"]["allow_corrections"]
    new = stored(settings(late_labels={"allow_corrections": False}))
    assert changes(old, new) == []


def test_missing_section() -> None:
    """A section that one side does not know is not compared."""
    old = stored(settings())
    del old["serve"]
    assert changes(old, stored(settings(serve={"port": 1}))) == []


def test_added_and_removed_columns() -> None:
    """Columns that come and go are told as such, with the place of a new one."""
    added, removed = (
        only(columns=columns(fee={"kind": "numeric"})),
        only(columns=columns(grade=None)),
    )
    assert added.words == "the column 'fee' is added at the end"
    assert (added.key, added.new) == ("columns.fee", {"kind": "numeric"})
    assert removed.words == "the column 'grade' is removed"
    assert (removed.old, removed.new) == ({"kind": "categorical", "values": ["A", "B"]}, None)


def test_column_in_the_middle() -> None:
    """A column in the middle has been added, and no other one has moved."""
    kept = list(columns().items())
    found = only(columns=dict([*kept[:1], ("fee", {"kind": "numeric"}), *kept[1:]]))
    assert found.words == "the column 'fee' is added before 'amount'"


def test_renamed_column() -> None:
    """A column that says what it was is renamed, and its other changes are told as they are."""
    grade = {"kind": "categorical", "values": ["A", "B"], "missing": "indicator", "was": "grade"}
    kept = list(columns().items())
    one, two = between(columns=dict([*kept[:2], ("class", grade), *kept[3:]]))
    assert (one.key, one.old, one.new) == ("columns.class", "grade", "class")
    assert one.words == "the column 'grade' is renamed to 'class'"
    assert two.words == 'columns.class.missing: "drop" -> "indicator"'


def test_reordered_columns() -> None:
    """Another order of the same columns is one change."""
    names = ["id", "grade", "amount", "paid"]
    found = only(columns={name: columns()[name] for name in names})
    assert (found.key, found.new) == ("columns", names)
    assert found.words == "the order of the columns is now id, grade, amount, paid"


def test_column_of_another_kind() -> None:
    """A column that is read otherwise names the key."""
    found = only(columns=columns(amount={"kind": "categorical"}))
    assert found.words == 'columns.amount.kind: "numeric" -> "categorical"'


def test_order_of_spellings() -> None:
    """The same spellings of a class in another order decide only how answers name it."""
    found = only(label={"positive": ["yes", "1"], "negative": ["0"]})
    assert found.cost is Cost.NOTHING
    more = only(label={"positive": ["1", "yes", "y"], "negative": ["0"]})
    assert more.cost is Cost.LINEAGE


def test_idle_learner_keys() -> None:
    """What the learner does not heed costs nothing."""
    old = stored(settings(learner={"kind": "vw"}))
    [river] = changes(old, stored(settings(learner={"kind": "vw", "river": {"l2": 0.1}})))
    [args] = changes(old, stored(settings(learner={"kind": "vw", "args": "-l 0.1"})))
    assert (river.key, river.cost) == ("learner.river.l2", Cost.NOTHING)
    assert (args.key, args.cost) == ("learner.args", Cost.LINEAGE)


def test_idle_keys_of_a_shadow() -> None:
    """The same holds for a shadow."""
    plain = {"name": "plain", "kind": "river"}
    old = stored(settings(shadow=[plain]))
    [args] = changes(old, stored(settings(shadow=[{**plain, "args": "-l 0.1"}])))
    [river] = changes(old, stored(settings(shadow=[{**plain, "river": {"l2": 0.1}}])))
    assert (args.cost, river.cost) == (Cost.NOTHING, Cost.EVALUATION)
    oak = {"name": "oak", "kind": "river-forest"}
    old = stored(settings(shadow=[oak]))
    [river] = changes(old, stored(settings(shadow=[{**oak, "river": {"l2": 0.1}}])))
    [trees] = changes(old, stored(settings(shadow=[{**oak, "forest": {"trees": 5}}])))
    assert (river.cost, trees.cost) == (Cost.NOTHING, Cost.EVALUATION)


def test_shadows_by_name() -> None:
    """Shadows are compared by their names, whatever their order."""
    one, two = {"name": "one"}, {"name": "two", "args": "-l 0.1"}
    old = stored(settings(shadow=[one, two]))
    assert changes(old, stored(settings(shadow=[two, one]))) == []
    [changed] = changes(old, stored(settings(shadow=[one, {**two, "args": "-l 0.2"}])))
    assert (changed.key, changed.cost) == ("shadow.two.args", Cost.EVALUATION)
    [gone] = changes(old, stored(settings(shadow=[one])))
    assert gone.words == "the shadow 'two' is removed"


def test_long_lists() -> None:
    """Of long lists the words name what has come and gone."""
    many = [f"value {number}" for number in range(50)]
    of = {"kind": "categorical", "values": many}
    old = stored(settings(columns=columns(grade=of)))
    [found] = changes(old, stored(settings(columns=columns(grade={**of, "values": many[1:]}))))
    assert found.words == 'columns.grade.values: 1 removed (["value 0"])'


def test_no_secrets() -> None:
    """Nothing of a secret is stored or told, only that it is set."""
    secret = settings(
        registry="postgresql://me:hunter2@host/db",
        serve={"admin_token": "hunter2"},
        kafka={
            "sasl_plain_password": "hunter2",
            "ssl_password": "hunter2",
            "ssl_key_pem": "hunter2",
            "oauth_token_command": "token --secret hunter2",
        },
    )
    found = changes(stored(settings()), stored(secret))
    assert "hunter2" not in repr(stored(secret)) + repr(found)
    assert [change.key for change in found] == [
        "registry",
        "kafka.sasl_plain_password",
        "kafka.oauth_token_command",
        "kafka.ssl_password",
        "kafka.ssl_key_pem",
        "serve.admin_token",
    ]
