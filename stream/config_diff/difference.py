"""What an edited config changes against the model that has learned, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from converters.cells.kind import older_readings
from converters.changes.changes import Change, changed, changes, stored
from converters.changes.costs import REBUILT, Consequence, Cost, Process, consequence
from converters.config.learning_settings import ValueSettings
from converters.config.settings import HALF, KAFKA
from converters.config.sqlite_url import sqlite_url
from learners.registry.row_types import Lineage
from learners.versions.own_schema import as_learned
from learners.versions.promotion import LEAST_LEARNED
from stream.config_diff.cautions import cautions
from stream.config_diff.known_model import KnownModel
from stream.log.topics import Topics
from stream.resolved_config import SCORING, ResolvedConfig, deciding, learner_json

Json = dict[str, Any]

# The sections that each lineage keeps only in part.
PARTLY_KEPT = ("csv", "late_labels")
# What decides the schema's hash; the interactions decide the learner's arguments too.
SCHEMA_KEYS = ("columns", "label", "csv", "record", "learner.interactions")
# What a lineage of an older release keeps of its config, besides the learner's arguments.
KEPT_BY_OLDER = ("late_labels", "duplicates", *SCORING)
SAME = Consequence(Cost.NOTHING, "it means the same as before")
STILL_DECIDED = Consequence(Cost.NOTHING, "decisions stay as they are", ("learner", "server"))
COSTS = list(Cost)


@dataclass(frozen=True, slots=True)
class Difference:
    """What a config changes.

    Attributes:
        known: the model that it is compared with; None if there is none yet.
        changes: key by key.
        cautions: what will hurt.
        unknown: what could not be compared, and why.
        ready: a candidate that was made under this config, if there is one.
        notes: what else a person should know who compares them.
    """

    known: KnownModel | None
    changes: tuple[Change, ...] = ()
    cautions: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    ready: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def cost(self) -> Cost:
        """That of all changes together: the highest of theirs."""
        return max((c.cost for c in self.changes), key=COSTS.index, default=Cost.NOTHING)

    @property
    def mostly_of_a_file(self) -> bool:
        """Whether so much of the model came from files that one of the log alone is refused."""
        if self.known is None:
            return False
        trained = self.known.trained_on
        return trained.examples - trained.from_files < LEAST_LEARNED * trained.examples

    @property
    def must_act(self) -> bool:
        """Whether the learner refuses the config until something is done."""
        return self.cost in (Cost.LINEAGE, Cost.MODEL)

    @property
    def restart(self) -> tuple[Process, ...]:
        """The processes to start again, so that everything takes effect."""
        return tuple(sorted({who for c in self.changes for who in c.follows.restart}))


def difference(context: ResolvedConfig, known: KnownModel | None) -> Difference:
    """What a config changes against what is known of its model.

    Raises:
        UnknownConverterError: another release began the model.
    """
    if known is None:
        return Difference(None)
    context = context.read_by(known.lineage.converter)
    old, new = _kept(known), _edited(context, known)
    found = [
        change
        for change in changes(old, new)
        if change.key not in known.here and not _another_default(change, old, new)
    ]
    same_schema = known.lineage.schema_hash == context.schema.hash
    same_learner = known.lineage.learner == learner_json(context)
    found = [_at_the_same_brokers(change) for change in found]
    found = [_refined(c, same_schema=same_schema, same_learner=same_learner) for c in found]
    found += _told_by_hashes(known.lineage, context, found)
    if known.settings is not None:  # what a lineage keeps it keeps as it began
        since = {change.key for change in changes(known.settings, new)}
        found = [c for c in found if c.cost is not Cost.NOTHING or c.key in since]
    threshold = (known.measured_by or {}).get("threshold")
    if threshold == context.settings.threshold and not _scaled_otherwise(found):
        found = [_still_decided(change) for change in found]
    return Difference(
        known,
        tuple(found),
        tuple(cautions(found, old, new, known.waiting, known.trained_on)),
        tuple(_unknown(known)),
        _ready(known, context),
        tuple(filter(None, [older_readings(known.lineage.converter)])),
    )


def _kept(known: KnownModel) -> Json:
    """The config that the model has, as far as it is known."""
    old, lineage = dict(known.settings or {}), known.lineage
    if lineage.config is None:
        for name in ("columns", "label", "record", "csv", "learner"):
            old.pop(name, None)
        kept: Mapping[str, Any] = {n: lineage.learner.get(n, {}) for n in KEPT_BY_OLDER}
    else:
        kept = lineage.config
    for name, section in kept.items():
        old[name] = {**old.get(name, {}), **section} if name in PARTLY_KEPT else section
    if known.measured_by is not None:
        measured = dict(known.measured_by)
        threshold, old["value"] = measured.pop("threshold"), measured.pop("value")
        old["evaluation"] = measured
        old.setdefault("serve", {"threshold": None if threshold == _derived(old) else threshold})
    return old


def _derived(old: Json) -> float:
    """The threshold where none is set."""
    return HALF if old["value"] is None else ValueSettings(**old["value"]).break_even


def _edited(context: ResolvedConfig, known: KnownModel) -> Json:
    """The edited config, in the same form."""
    new = stored(context.settings)
    new["learner"] = {**new["learner"], "kind": context.spec.kind}
    if known.settings is None:
        decided = deciding(context)
        new |= {name: decided[name] for name in PARTLY_KEPT}
        new["serve"] = {"threshold": context.settings.serve.threshold}
    return new


def _another_default(change: Change, old: Json, new: Json) -> bool:
    """Whether a place or topic has another name only because the home or the model has."""
    section, _, key = change.key.partition(".")
    if section == "topics" and key in Topics._fields:
        default = key.replace("_", "-")
        named = [each["topics"][key] or f"{each['model']}.{default}" for each in (old, new)]
        return named[0] == named[1]
    file = {"registry": "registry.db", "log": "log.db", "snapshots": "snapshots"}.get(section)
    if file is None:
        return False
    written = str if section == "snapshots" else sqlite_url
    return all(each[section] == written(f"{each['home']}/{file}") for each in (old, new))


def _at_the_same_brokers(change: Change) -> Change:
    """Addresses that have one in common are of one Kafka."""
    if change.key != "log" or not (change.old.startswith(KAFKA) and change.new.startswith(KAFKA)):
        return change
    old, new = (set(url.removeprefix(KAFKA).split(",")) for url in (change.old, change.new))
    return change._replace(follows=consequence("kafka")) if old & new else change


def _refined(change: Change, *, same_schema: bool, same_learner: bool) -> Change:
    """A key that is written otherwise and decides the same costs nothing."""
    if change.cost is not Cost.LINEAGE:
        return change
    of_schema = change.key.startswith(SCHEMA_KEYS)
    return change._replace(follows=SAME) if (same_schema if of_schema else same_learner) else change


def _told_by_hashes(
    lineage: Lineage, context: ResolvedConfig, found: Iterable[Change]
) -> Iterable[Change]:
    """Changes that no key tells: of an older lineage only hashes are known."""
    costly = {c.key.split(".")[0] for c in found if c.cost is Cost.LINEAGE}
    if lineage.schema_hash != context.schema.hash and not costly & {"columns", "label", "csv"}:
        if lineage.config is None:
            words = (
                "the columns, the label map, the delimiter, [record] or the interactions are not "
                "those of the model, which an older release began without storing them"
            )
        elif "record" in costly or "learner" in costly:
            return
        else:
            words = "this release converts cells otherwise than the one that began the model"
        yield Change("columns", None, None, words, REBUILT)
    if lineage.config is None:
        now = learner_json(context)
        for name in ("kind", "args"):
            if lineage.learner.get(name) != now.get(name):
                yield changed(f"learner.{name}", lineage.learner.get(name), now.get(name))


def _scaled_otherwise(found: Iterable[Change]) -> bool:
    """Whether decisions are counted by another column's amounts."""
    return any(
        c.key == "value.scale"
        or (c.key == "value" and any(each and each["scale"] for each in (c.old, c.new)))
        for c in found
    )


def _still_decided(change: Change) -> Change:
    """Prices that lead to the same threshold begin nothing anew."""
    if change.key.split(".")[0] == "value" or change.key == "serve.threshold":
        return change._replace(follows=STILL_DECIDED)
    return change


def _unknown(known: KnownModel) -> Iterable[str]:
    if known.lineage.config is None:
        yield (
            "The model was begun by an older release, which stored hashes of its columns and its "
            "learner, not the config: which keys of them differ cannot be told."
        )
    if known.settings is None:
        yield "The model's learner was of an older release, which stored no other settings."
    if known.measured_by is None and known.settings is None:
        yield "There is no checkpoint to be read, so [evaluation] and [value] are not compared."


def _ready(known: KnownModel, context: ResolvedConfig) -> int | None:
    """The newest candidate of the log that was made under this config, by whatever release."""
    learner = learner_json(context)
    found = (
        version.version
        for version, lineage in known.candidates
        if version.start.positions
        and (as_learned(context.schema, lineage).hash, learner)
        == (lineage.schema_hash, lineage.learner)
    )
    return next(found, None)
