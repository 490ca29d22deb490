"""Whether a learner can be started, by the config at hand, that does what a replay asks of it."""

from __future__ import annotations

from learners.registry import Registry
from stream.checkpoints.same_model import different_keys
from stream.quarantine.replay import Config
from stream.resolved_config import resolve


def changed_config(registry: Registry, config: Config) -> str:
    """What in the config is not as in that of the learner's live lineage, in words; may be empty.

    Raises:
        RegistryError: it does not answer.
        UnknownConverterError: another release began the lineage.
    """
    live = registry.versions.live_lineage()
    if live is None or live.config is None:
        return ""
    return different_keys(resolve(*config), live)


def waiting_words(changed: str, cancel: str) -> str:
    """That a rollback waits where no learner can be started by the config.

    Args:
        changed: as :func:`changed_config` found it.
        cancel: how the rollback is cancelled.
    """
    return (
        f"The config is not that of the learner's model: {changed}. A learner that runs goes back "
        "all the same; one that is started by this config refuses to, and the rollback waits. Put "
        f"the config back, or cancel it: {cancel}."
    )
