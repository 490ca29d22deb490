"""How two versions differ: in what made them, in their weights, and in what they say of a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from converters.config.settings import Settings
from converters.convert.from_vw_text import readable
from learners.explain.baseline import baseline_of
from learners.explain.explainer import Explainer, Explanation, finished
from learners.explain.model_weights import ModelWeights, NamedWeight
from learners.knowledge.version_weights import KnownVersion
from learners.metrics.arrays import FloatArray, IntArray
from learners.registry.row_types import iso

# A change of less is rounding.
ROUNDING = 1e-9


class Change(NamedTuple):
    """A weight of two versions; zero in one that does not have it.

    Attributes:
        named: its name, as the version tells it whose weight ``named`` is.
        newer: whether that is the second one.
    """

    before: float
    after: float
    named: NamedWeight
    newer: bool


def diff_json(
    one: KnownVersion, other: KnownVersion, top: int, row: dict[str, Any] | None
) -> dict[str, Any]:
    """What ``freshet diff --json`` prints.

    Args:
        one: a version.
        other: that it is compared with.
        top: how many weights.
        row: what both say of a row, if one is asked about.
    """
    same = one.spec == other.spec and one.version.schema_hash == other.version.schema_hash
    by_hash = same and other.weights.saved.hashed
    both = one.weights, other.weights
    counts, changes = _by_place(*both, top) if by_hash else _by_name(*both, top)
    return {
        "from": one.version.version,
        "to": other.version.version,
        "metadata": list(_metadata(one, other)),
        "compared_by": "hash" if by_hash else "name",
        "weights": counts,
        "largest": [
            {
                "change": each.after - each.before,
                "from": each.before,
                "to": each.after,
                **(other if each.newer else one).columns.to_json(each.named),
            }
            for each in changes
        ],
        "row": row,
        "remarks": list(_remarks(one, other, counts, by_hash=by_hash)),
    }


def _by_place(
    one: ModelWeights, other: ModelWeights, top: int
) -> tuple[dict[str, int], list[Change]]:
    """Of two models that hash alike."""
    places = np.union1d(one.saved.places, other.saved.places)
    before, after = (_at(places, each.saved.places, each.saved.values) for each in (one, other))
    order = _largest(after - before, top)
    found = []
    for at in order.tolist():
        newer = bool(after[at])
        owner = other if newer else one
        (named,) = owner.named(np.searchsorted(owner.saved.places, places[at : at + 1]))
        found.append(Change(float(before[at]), float(after[at]), named, newer))
    return _counts(before, after), found


def _at(places: IntArray, own: IntArray, values: FloatArray) -> FloatArray:
    found = np.zeros(places.size)
    found[np.searchsorted(places, own)] = values
    return found


def _by_name(
    one: ModelWeights, other: ModelWeights, top: int
) -> tuple[dict[str, int], list[Change]]:
    """Of two models that do not, as far as names go."""
    old, new = _certain(one), _certain(other)
    names = sorted(old.keys() | new.keys())
    before, after = (
        np.array([of[name].weight if name in of else 0.0 for name in names], np.float64)
        for of in (old, new)
    )
    order = _largest(after - before, top)
    found = [
        Change(float(before[at]), float(after[at]), (new or old)[names[at]], True)
        if names[at] in new
        else Change(float(before[at]), float(after[at]), old[names[at]], False)
        for at in order.tolist()
    ]
    unnamed = sum(len(each.saved.places) for each in (one, other)) - len(old) - len(new)
    return {**_counts(before, after), "not_compared": unnamed}, found


def _certain(weights: ModelWeights) -> dict[str, NamedWeight]:
    """The weights with one name, or one that kept rows have; by name, without namespaces."""
    every = weights.named(np.arange(weights.saved.places.size))
    return {
        readable(each.names[0]): each
        for each in every
        if each.names and (not each.others or each.share)
    }


def _largest(change: FloatArray, top: int) -> IntArray:
    order = np.argsort(-np.abs(change), kind="stable")[:top]
    found: IntArray = order[np.abs(change[order]) > ROUNDING]
    return found


def _counts(before: FloatArray, after: FloatArray) -> dict[str, int]:
    old, new = before != 0, after != 0
    return {
        "from": int(old.sum()),
        "to": int(new.sum()),
        "gone": int((old & ~new).sum()),
        "new": int((new & ~old).sum()),
        "changed": int((old & new & (np.abs(after - before) > ROUNDING)).sum()),
    }


def _metadata(one: KnownVersion, other: KnownVersion) -> Iterator[dict[str, Any]]:
    """What is not alike of what made them."""
    for name, before, after in zip(_NAMES, _said(one), _said(other), strict=True):
        if before != after:
            yield {"what": name, "from": before, "to": after}
    words = _options(one.spec.args), _options(other.spec.args)
    if words[0] != words[1]:
        yield {
            "what": "arguments",
            "from": [word for word in words[0] if word not in words[1]],
            "to": [word for word in words[1] if word not in words[0]],
        }
    columns = [{c.name: _meaning(c.settings) for c in v.schema.columns} for v in (one, other)]
    for name in dict.fromkeys((*columns[0], *columns[1])):
        before, after = columns[0].get(name), columns[1].get(name)
        if before != after:
            yield {"what": f"column {name}", "from": before, "to": after}


_NAMES = (
    *("lineage", "parent", "created", "events", "learned", "rejected", "log loss", "AUC"),
    *("learner", "schema"),
)


def _said(known: KnownVersion) -> tuple[Any, ...]:
    version = known.version
    counted = (version.events.get(name, 0) for name in ("events", "learned", "rejected"))
    measured = (version.metrics.get(name) for name in ("log_loss", "auc"))
    made = version.lineage, version.parent_version, iso(version.created_at)
    return *made, *counted, *measured, known.spec.kind, version.schema_hash[:12]


def _options(args: Sequence[str]) -> list[str]:
    """Arguments, each option with its value."""
    found: list[str] = []
    for word in args:
        if word.startswith("-") or not found:
            found.append(word)
        else:
            found[-1] += f" {word}"
    return found


def _meaning(settings: Any) -> dict[str, Any]:  # noqa: ANN401  # a section of the config
    said: dict[str, Any] = settings.model_dump(mode="json", exclude_defaults=True)
    return said


def row_json(
    one: KnownVersion, other: KnownVersion, lines: tuple[str, str], settings: Settings
) -> dict[str, Any]:
    """What two versions say of a row, and what each column has to do with the difference.

    Args:
        one: a version.
        other: another one.
        lines: the row, as each one's schema has it.
        settings: name the rows that it is held against.
    """
    kept = other.lines if one.version.schema_hash == other.version.schema_hash else None
    both = [
        _explained(known, line, settings, known.lines if kept is None else kept)
        for known, line in zip((one, other), lines, strict=True)
    ]
    parts = [
        dict(zip(known.cuts.columns, each.contributions, strict=True))
        for known, each in zip((one, other), both, strict=True)
    ]
    columns = [
        _moved(name, parts[0].get(name, 0.0), parts[1].get(name, 0.0))
        for name in dict.fromkeys((*parts[0], *parts[1]))
    ]
    others = [
        _moved(what, getattr(both[0], name), getattr(both[1], name))
        for what, name in _BESIDE.items()
    ]
    before, after = both
    return {
        "held_against": settings.explain.baseline,
        "score": _moved("score", before.score, after.score),
        "log_odds": _moved(
            "log-odds", before.log_odds + before.adjustment, after.log_odds + after.adjustment
        ),
        "columns": sorted(columns, key=lambda each: -abs(each["change"])),
        "beside": others,
    }


# What belongs to no column.
_BESIDE = {"baseline": "baseline", "other features": "other", "calibration": "adjustment"}


def _explained(
    known: KnownVersion, line: str, settings: Settings, kept: Sequence[str]
) -> Explanation:
    baseline = baseline_of(None, settings, known.schema, known.cuts, kept)
    return finished(Explainer(known.learner, known.cuts, baseline).explain(line))


def _moved(what: str, before: float, after: float) -> dict[str, Any]:
    return {"what": what, "from": before, "to": after, "change": after - before}


def _remarks(
    one: KnownVersion, other: KnownVersion, counts: dict[str, int], *, by_hash: bool
) -> Iterator[str]:
    if by_hash:
        return
    if one.spec != other.spec:
        yield "The versions were learned with other arguments: weights are compared by name."
    elif one.version.schema_hash != other.version.schema_hash:
        yield "The versions have other columns or interactions: weights are compared by name."
    if left := counts.get("not_compared"):
        yield (
            f"{left:,} weights of both are not compared, since it is not known of which one "
            "feature they are."
        )
