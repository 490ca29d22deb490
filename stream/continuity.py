"""May a learner go on with a model: the same schema, learner, joins and topics as at its begin.

Asked by :mod:`stream.starting` before anything of a lineage is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping

from converters.errors import UsageError
from learners.registry import Start
from stream.context import Context, learner_json
from stream.log import EventLog, PositionError
from stream.topics import Topics, described


class ChangedModelError(UsageError):
    """The config is not the one under which the model was begun."""


def check_same(context: Context, learner: Mapping[str, object], schema_hash: str) -> None:
    """Refuse to go on with a model that was made under another schema or learner."""
    now = learner_json(context)
    changed = [name for name in now if now[name] != learner.get(name)]
    if schema_hash != context.schema.hash:
        changed.insert(0, "columns, label map or interactions")
    if not changed:
        return
    was = f" (it was {learner.get('kind')} {learner.get('args')})" if "args" in changed else ""
    raise ChangedModelError(
        f"The config is not the one under which this model was begun; changed: "
        f"{', '.join(changed)}{was}. Put the config back, or make a new model "
        "of the log with 'freshet backfill log --fresh' and promote it."
    )


def check_topics(event_log: EventLog, topics: Topics, start: Start) -> None:
    """Positions of another topic, or of one made anew under its name, would mean nothing."""
    if start.topic_ids and set(start.topic_ids) != set(topics.inputs):
        raise ChangedModelError(
            f"This model has read the topics {' and '.join(sorted(start.topic_ids))}, and the "
            f"config now names {' and '.join(sorted(topics.inputs))}. Put topics.events "
            "and topics.labels back, or begin anew under another model name."
        )
    states = described(event_log, topics.inputs)
    for topic, state in states.items():
        known = start.topic_ids.get(topic, state.topic_id)
        if known != state.topic_id:
            raise PositionError(
                f"The topic {topic} is not the one that this model has read: it was deleted "
                f"and created anew (id {state.topic_id}, was {known}). Restore the old topic, "
                "or begin anew with another model name."
            )
