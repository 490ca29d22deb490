"""Checks that a learner may resume a model: same schema, learner, joins and topics as before."""

from __future__ import annotations

import json

from converters.changes.changes import changes, told
from converters.changes.costs import Cost
from converters.errors import UsageError
from learners.registry.row_types import Lineage, Start, Version
from stream.log.contract import EventLog, Place, PositionError
from stream.log.limits import WAYS_OUT
from stream.log.topics import Topics, described
from stream.resolved_config import ResolvedConfig, context_of, deciding, learner_json


class ChangedModelError(UsageError):
    """The config is not the one that the model was created with."""


class UnlikeConfigError(ChangedModelError):
    """A version was promoted that was made under another config than the learner's.

    Attributes:
        what: which version, and what differs.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}. Give the learner the config that the version was made by; or go back to the "
            "version before it, which 'freshet history' names, with 'freshet rollback VERSION "
            "--reason TEXT', and the learner goes on as before."
        )
        self.what = what


def check_same(context: ResolvedConfig, lineage: Lineage) -> None:
    """Refuse to resume a model that was created under another config.

    Raises:
        ChangedModelError: a key that decides what is learned has another value than the lineage's.
        UnknownConverterError: another release began the lineage.
    """
    changed = different_keys(context, lineage)
    if changed:
        raise ChangedModelError(
            f"The config is not the one that this model was created with: {changed}. "
            "Restore the old values; or build a new model from the log under the new ones with "
            "'freshet backfill log --fresh --promote --follow'. 'freshet config diff' says what "
            "each change costs."
        )


def check_adoptable(context: ResolvedConfig, version: Version, made: Lineage) -> None:
    """Refuse to take a promoted version under another config than it was made by.

    Args:
        context: the config that the learner has.
        version: the one that was promoted.
        made: the lineage that made it.

    Raises:
        UnlikeConfigError: they differ.
        UnknownConverterError: another release made it.
    """
    changed = different_keys(context, made, to_lineage=True)
    if changed:
        raise UnlikeConfigError(
            f"Version {version.version}, which was promoted, was made under another config than "
            f"the learner's; in the version's {changed}"
        )


def different_keys(context: ResolvedConfig, lineage: Lineage, *, to_lineage: bool = False) -> str:
    """What in a config is not as a lineage was begun with, each key with both values, in words.

    Keys that are written otherwise and mean the same are none of it, and neither is the version of
    the converter, which a lineage keeps. The lineage's values come first, or, ``to_lineage``, the
    config's.

    Raises:
        UnknownConverterError: another release began the lineage.
    """
    context = context.read_by(lineage.converter)
    if (lineage.schema_hash, lineage.learner) == (context.schema.hash, learner_json(context)):
        return ""
    order = -1 if to_lineage else 1
    if lineage.config is not None:
        own = context_of(context.settings, lineage)
        pair = (deciding(own), deciding(context))[::order]
        found = [change for change in changes(*pair) if change.cost is not Cost.NOTHING]
        if found:
            return told(found)
    # Begun by an older release: it kept no config, or had other arguments for the same one.
    before, now = (lineage.learner, learner_json(context))[::order]
    # Sections at their defaults are left out, so a section can be on one side only.
    words = [
        f"{name}: {_shown(before.get(name))} -> {_shown(now.get(name))}"
        for name in dict.fromkeys((*now, *before))
        if now.get(name) != before.get(name)
    ]
    if lineage.schema_hash != context.schema.hash:
        words.insert(0, "columns, label map or interactions are others")
    return "; ".join(words)


def _shown(value: object) -> str:
    return "at its default" if value is None else json.dumps(value)


def check_topics(event_log: EventLog, topics: Topics, start: Start) -> dict[str, str]:
    """The ids of the topics that are read; refuses topics other than those read before.

    Positions of another topic, or of one recreated under its name, would mean nothing.

    Raises:
        ChangedModelError: the config names other topics.
        PositionError: a topic was recreated, or the journal ends before the checkpoint.
    """
    read = (*topics.inputs, topics.journal)
    if start.topic_ids and not set(topics.inputs) <= set(start.topic_ids) <= set(read):
        was = sorted(set(start.topic_ids) - set(read))
        now = sorted(set(read) - set(start.topic_ids))
        raise ChangedModelError(
            f"This model has read {', '.join(was) or 'other topics'}, but the config names "
            f"{', '.join(now)}. Restore `topics.events`, `topics.labels` and `topics.journal`; "
            "or start another model, with another `model` and `home`, on these topics."
        )
    states = described(event_log, read)
    for topic, state in states.items():
        known = start.topic_ids.get(topic, state.topic_id)
        if known != state.topic_id:
            raise PositionError(
                f"The topic {topic} is not the one that this model has read: it was deleted "
                f"and recreated (its id was {known}, now {state.topic_id}). {WAYS_OUT}"
            )
    end = states[topics.journal].ends[Place(topics.journal, 0)]
    if start.journal_position > end:
        raise PositionError(
            f"The journal {topics.journal} ends at offset {end}, but the checkpoint was made at "
            f"{start.journal_position}: lines at its end are gone, and perhaps other records. "
            f"{WAYS_OUT}"
        )
    return {topic: state.topic_id for topic, state in states.items()}
