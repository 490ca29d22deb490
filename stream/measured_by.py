"""What a checkpoint was measured by, and what a learner says that measures otherwise from there on.

Part of :mod:`stream.checkpoints.checkpoint`. None of it decides what is learned, so a change stops nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import structlog

from stream.context import Context

log = structlog.get_logger()


def measured_by(context: Context) -> dict[str, Any]:
    """The settings that decide what is measured, and nothing that is learned."""
    settings = context.settings
    value = settings.value
    return {
        **settings.evaluation.model_dump(mode="json"),
        "threshold": settings.threshold,
        "value": None if value is None else value.model_dump(mode="json"),
    }


def tell_changes(context: Context, state: Mapping[str, Any], anew: Collection[str]) -> None:
    """Say what is measured otherwise than the checkpoint did; it is not the model's business."""
    now, then = measured_by(context), state.get("measured_by", {})
    changed = sorted(name for name in now if then and now[name] != then.get(name))
    if changed:
        log.info("what is measured has changed since the checkpoint", settings=", ".join(changed))
    if "static_after" in changed and "static" in state:
        log.warning(
            "evaluation.static_after has changed, but the copy was taken before; it stays",
            taken_at=then["static_after"],
        )
    if anew:
        names = ", ".join(sorted(anew))
        log.info("shadows that are gone, or begin anew with other arguments", shadows=names)
