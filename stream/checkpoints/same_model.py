"""Checks that a learner may resume a model: same schema, learner, joins and topics as before."""

from __future__ import annotations

from collections.abc import Mapping

from converters.errors import UsageError
from learners.registry.row_types import Start
from stream.log.contract import EventLog, Place, PositionError
from stream.log.limits import WAYS_OUT
from stream.log.topics import Topics, described
from stream.resolved_config import ResolvedConfig, learner_json


class ChangedModelError(UsageError):
    """The config is not the one that the model was created with."""


def check_same(context: ResolvedConfig, learner: Mapping[str, object], schema_hash: str) -> None:
    """Refuse to resume a model that was created under another schema or learner."""
    now = learner_json(context)
    # Sections at their defaults are left out, so a section can be on one side only.
    names = dict.fromkeys((*now, *learner))
    changed = [name for name in names if now.get(name) != learner.get(name)]
    if schema_hash != context.schema.hash:
        changed.insert(0, "columns, label map or interactions")
    if not changed:
        return
    was = f" (it was {learner.get('kind')} {learner.get('args')})" if "args" in changed else ""
    raise ChangedModelError(
        f"The config is not the one that this model was created with; changed: "
        f"{', '.join(changed)}{was}. Restore the config, or build a new model "
        "from the log with 'freshet backfill log --fresh' and promote it."
    )


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
