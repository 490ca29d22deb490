"""Thinning: which snapshot folders may go, and writing down that they went.

Rows stay for ever; only the files of versions that nobody can need any more are given up.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from learners.registry import ledger, lineages, serving, tables, versions
from learners.registry.database import Transaction
from learners.registry.records import Checkpoint

_TABLE = tables.checkpoints


def thinnable(look: Transaction, keep: int) -> list[Checkpoint]:
    """The checkpoints whose folders may go, oldest first.

    Kept are the newest ``keep`` versions of the learner and as many candidates (a learner must
    not push out a backfill's version before someone could promote it), every version that was
    ever served because someone chose it, what a pointer names, the point to resume from, and
    what any lineage began with.

    Versions that were served only by following the learner go too: it makes one every few
    seconds, and kept for ever they would fill the disk.
    """
    there = versions.find(look, ~_TABLE.c.thinned)
    needed = _needed_versions(look, keep) | ledger.chosen(look)
    resume = versions.resume_point(look)
    return [
        found
        for found in there
        if found.version not in needed and (resume is None or found.serial != resume.serial)
    ]


def mark(change: Transaction, given: Iterable[Checkpoint]) -> list[Checkpoint]:
    """Mark those of the given that may still go, and return them: their folders can be deleted."""
    wanted = {found.serial for found in given}
    gone = [found for found in thinnable(change, keep=0) if found.serial in wanted]
    if gone:
        serials = [found.serial for found in gone]
        versions.change_rows(change, _TABLE.c.serial.in_(serials), thinned=True)
    if any(found.version is not None for found in gone):  # others were never on offer
        served = serving.read(change).serving
        ledger.append(
            change,
            actor="freshet",
            action="thin",
            reason="older than what is kept, and never chosen to be served",
            version=None,
            moved=(served, served),
            detail={
                "checkpoints": serials,
                "versions": [found.version for found in gone if found.version is not None],
            },
        )
    return gone


def _needed_versions(look: Transaction, keep: int) -> set[int]:
    now = serving.read(look)
    pointed = {number for number in (now.latest, now.serving) if number is not None}
    candidate = _TABLE.c.state == "candidate"
    recent = {
        number
        for kind in (candidate, ~candidate)
        for number in look.connection.scalars(
            select(_TABLE.c.version)
            .where(_TABLE.c.model == look.model, _TABLE.c.version.is_not(None), kind)
            .order_by(_TABLE.c.version.desc())
            .limit(keep)
        )
    }
    return pointed | recent | lineages.parents(look)
