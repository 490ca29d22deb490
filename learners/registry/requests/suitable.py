"""Which versions the learner can go back to, and which to name instead of one that it cannot."""

from __future__ import annotations

from collections.abc import Iterator

from learners.registry import database_tables, versions
from learners.registry.database import Transaction
from learners.registry.errors import RollbackRefusedError
from learners.registry.requests.offset_ranges import OffsetRanges, of_positions
from learners.registry.row_types import Json, Lineage, Version

_TABLE = database_tables.checkpoints
# Joins may differ under a resume, which keeps the learner's.
_OF_JOINS = ("late_labels", "duplicates")


def check_resumable(look: Transaction, version: Version, quarantined: OffsetRanges) -> None:
    """Refuse a version whose weights do not fit what the learner goes on with.

    Args:
        look: the registry.
        version: to go back to.
        quarantined: what is in quarantine.

    Raises:
        RollbackRefusedError: there is no learner yet, it has another schema or other arguments, or
            the version has learned what is in quarantine.
    """
    live, made = _lineages(look, version)
    if made.schema_hash != live.schema_hash or _scoring(made.learner) != _scoring(live.learner):
        raise _refusal(look, version, live, _OTHERWISE_MADE, quarantined)
    _check_clean(look, version, live, quarantined)


def check_replayable(look: Transaction, version: Version, quarantined: OffsetRanges) -> None:
    """Refuse a version from whose place the learner could not read the log again.

    Raises:
        RollbackRefusedError: as :func:`check_resumable`; or the version has no place in the log, or
            in other topics.
    """
    live, made = _lineages(look, version)
    if not version.start.positions:
        why = "which was made from a file, and has no place in the log to read on from"
        raise _refusal(look, version, live, why, quarantined)
    if made.schema_hash != live.schema_hash or made.learner != live.learner:
        raise _refusal(look, version, live, _OTHERWISE_MADE, quarantined)
    ids = live.start.topic_ids
    if any(ids.get(topic, known) != known for topic, known in version.start.topic_ids.items()):
        why = "which has read topics that were deleted and created anew since"
        raise _refusal(look, version, live, why, quarantined)
    _check_clean(look, version, live, quarantined)


_OTHERWISE_MADE = (
    "which was learned under another schema or with other arguments than the learner has now"
)


def _check_clean(
    look: Transaction, version: Version, live: Lineage, quarantined: OffsetRanges
) -> None:
    read = _learned(look, version, quarantined)
    if read:
        why = f"which has read records that are, or would be, in quarantine ({read})"
        raise _refusal(look, version, live, why, quarantined)


def _learned(look: Transaction, version: Version, quarantined: OffsetRanges) -> OffsetRanges:
    """What a version has read of these records; its lineage may have left some out."""
    if not quarantined:
        return quarantined
    made = versions.lineage(look, version.lineage)
    left_out = OffsetRanges.from_json(None if made is None else made.quarantined)
    return (quarantined - left_out).before(of_positions(version.start.positions))


def _lineages(look: Transaction, version: Version) -> tuple[Lineage, Lineage]:
    """The learner's lineage, and that of the version."""
    live = versions.lineage(look, versions.live_serial(look))
    made = versions.lineage(look, version.lineage)
    if live is None or made is None:
        raise RollbackRefusedError(
            f"No learner of model {look.model!r} has learned yet, so none can go back to version "
            f"{version.version}. Nothing was changed; --learner keep serves it."
        )
    return live, made


def _refusal(
    look: Transaction, version: Version, live: Lineage, why: str, quarantined: OffsetRanges
) -> RollbackRefusedError:
    """Why it is refused, with what would do instead."""
    alike = next(_alike(look, live, quarantined), None)
    instead = (
        "No version would do: put what is bad into quarantine ('freshet quarantine add'), and make "
        "a model of the rest of the log ('freshet backfill log --fresh --promote --follow')."
        if alike is None
        else f"The newest version that it can go back to is {alike.version}."
    )
    return RollbackRefusedError(
        f"The learner cannot go back to version {version.version}, {why}. Nothing was changed. "
        f"--learner keep serves it, and the learner goes on as it is. {instead}"
    )


def replayable(look: Transaction, quarantined: OffsetRanges) -> list[Version]:
    """The versions that the learner could replay from, newest first, as far as the registry knows.

    Args:
        look: the registry.
        quarantined: what is left out, of which they have read nothing.
    """
    live = versions.lineage(look, versions.live_serial(look))
    return [] if live is None else list(_alike(look, live, quarantined))


def known_to(look: Transaction, held: OffsetRanges) -> list[int]:
    """The versions that have read some of these records, and did not leave them out; rising."""
    every = versions.find(look, _TABLE.c.version.is_not(None))
    return [v.version for v in every if isinstance(v, Version) and _learned(look, v, held)]


def _alike(look: Transaction, live: Lineage, quarantined: OffsetRanges) -> Iterator[Version]:
    """The versions of the live lineage's config that have learned none of this, newest first."""
    good = (_TABLE.c.state == "verified") & ~_TABLE.c.thinned & _TABLE.c.version.is_not(None)
    alike = _TABLE.c.schema_hash == live.schema_hash
    for found in reversed(versions.find(look, good, alike)):
        made = versions.lineage(look, found.lineage)
        fits = made is not None and made.learner == live.learner and found.start.positions
        if isinstance(found, Version) and fits and not _learned(look, found, quarantined):
            yield found


def _scoring(learner: Json) -> Json:
    """What of a learner's settings decides how it scores and trains, and not how labels join."""
    return {k: v for k, v in learner.items() if k not in _OF_JOINS}
