"""A promotion: a version is compared with the one that is served, and takes its place if it may.

Counts come from the registry, and log losses from checkpoints: of the examples that both have
scored (:mod:`learners.versions.common_examples`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from converters.config import toml_text
from converters.config.settings import Settings
from converters.errors import FreshetError
from converters.schema.schema import Schema
from converters.show.tables import counted
from learners.evaluation.labelled_examples import PINNED
from learners.registry import Registry
from learners.registry.actor import Actor
from learners.registry.errors import PromotionRefusedError
from learners.registry.row_types import Pointers, Verdict, Version
from learners.registry.serving import Moving
from learners.report.ancestry import Ancestry, TrainedOn
from learners.report.checkpoint_measures import measured
from learners.report.served_version import held
from learners.snapshots.store import SnapshotStore
from learners.versions.common_examples import Common, curves, windows
from learners.versions.gate import held_or_not
from learners.versions.own_schema import KnownSchemas, check_servable

# How much worse than the served version a promoted one may be.
MORE_REJECTED, LEAST_LEARNED, WORSE_LOG_LOSS = 0.01, 0.9, 0.05
# With fewer common examples a difference of log losses is mostly chance.
FEWEST_COMMON = 100
# So many reasons of rejections are told.
MOST_REASONS = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for with a promotion.

    Attributes:
        force: promote it whatever speaks against it.
        follow: do not pin it.
        leave_waiting: let the learner leave events behind that wait under another schema.
        objections: what speaks against it besides the comparison.
    """

    force: bool = False
    follow: bool = False
    leave_waiting: bool = False
    objections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """A version beside the one that is served.

    Attributes:
        served: that one; None if there is none, or it is the same.
        common: the log losses of both; None where they are not compared.
        not_compared: why.
        objections: what is worse than it may be.
        lost: that only the served version has learned from a file; nothing if it is not so.
    """

    served: int | None
    common: Common | None = None
    not_compared: str = ""
    objections: tuple[str, ...] = ()
    lost: str = ""

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self) | {"objections": list(self.objections)}

    def words(self) -> str:
        """The log losses of both, or why there are none; nothing where there is one version.

        And what is lost with the served one.
        """
        return " ".join(filter(None, (self._losses(), self.lost)))

    def _losses(self) -> str:
        if self.served is None:
            return ""
        if self.common is None:
            return (
                f"Its log loss was not compared with version {self.served}'s: {self.not_compared}."
            )
        return (
            f"Its log loss is {self.common.log_loss:.4f}, and version {self.served}'s "
            f"{self.common.other_log_loss:.4f}, on {self.common.count:,} examples of both."
        )


@dataclass(frozen=True, slots=True)
class Promoted:
    """A promotion that was made: the pointers, the comparison, and what was overridden."""

    pointers: Pointers
    compared: Compared
    overridden: tuple[str, ...]


def promote(
    registry: Registry,
    config: tuple[Settings, Schema],
    number: int,
    reason: str,
    actor: Actor,
    asked: Asked = Asked(),
) -> Promoted:
    """Serve a version, unless it is worse than the one that is served.

    Raises:
        PromotionRefusedError: it is worse, and the promotion is not forced.
        RegistryError: it cannot be served, or the learner could not take it up.
        SnapshotError: its files are gone.
    """
    wanted = registry.versions.find(number)
    found = Compared(None)
    settings, today = config
    check_servable(registry, SnapshotStore(Path(settings.snapshots)), today, wanted)
    if wanted.state not in ("thinned", "refused"):  # those the registry refuses by itself
        found = compared(registry, config, wanted)
    objections = (*asked.objections, *found.objections)
    if objections and not asked.force:
        refusal = _refusal(wanted, found.served, objections)
        raise PromotionRefusedError(" ".join(filter(None, (refusal, found.lost))))
    # The learner's own is held back for a person to decide on, who does so here.
    waits = (f"it was held back: {held(wanted)}".rstrip("."),) if held(wanted) else ()
    overridden = (*objections, *waits)
    moving = Moving(asked.follow, asked.leave_waiting, overridden)
    return Promoted(
        registry.serving.pin("promote", number, reason, actor, moving), found, overridden
    )


def _refusal(wanted: Version, served: int | None, objections: tuple[str, ...]) -> str:
    number = wanted.version
    earlier = number if wanted.state == "verified" else "VERSION"
    still = "nothing is served yet" if served is None else f"version {served} is still served"
    return (
        f"Version {number} was not promoted, and {still}: {'; '.join(objections)}. To promote it "
        f"all the same: freshet promote {number} --force --reason TEXT (over HTTP "
        f'"force": true). To go back to an earlier version, which is not compared: freshet '
        f"rollback {earlier} --reason TEXT."
    )


def compared(registry: Registry, config: tuple[Settings, Schema], wanted: Version) -> Compared:
    """A version beside the one that is served."""
    rows = wanted.events.get("events", 0)
    pointers = registry.serving.pointers()
    served = None if pointers.serving == wanted.version else pointers.serving
    if not wanted.events.get("learned"):
        nothing = f"it has learned nothing of {rows:,} rows{_reasons(wanted)}"
        return Compared(served, not_compared="it has none", objections=(nothing,))
    objections = _worse_than_the_base_rate(config[0], wanted)
    if served is None:
        return Compared(None, objections=tuple(objections))
    other = registry.versions.find(served)
    ancestry = Ancestry(registry)
    trained = ancestry.trained_on(wanted), ancestry.trained_on(other)
    objections += [
        *_classes_changed(registry, config[1], wanted, other),
        *_more_rejected(wanted, other),
        *_less_learned(*trained, other),
    ]
    lost = _lost(*trained, wanted, other)
    try:
        common = _common(registry, config, wanted, other)
    except FreshetError as error:
        return Compared(served, None, str(error).rstrip("."), tuple(objections), lost)
    if common.log_loss - common.other_log_loss > WORSE_LOG_LOSS:
        objections.append(
            f"its log loss is {common.log_loss:.4f}, and version {served}'s "
            f"{common.other_log_loss:.4f}, on {common.count:,} examples of both"
        )
    return Compared(served, common, "", tuple(objections), lost)


def _worse_than_the_base_rate(settings: Settings, wanted: Version) -> list[str]:
    """What would hold it back, if the learner had made it: common examples may be older."""
    window = wanted.metrics.get("window") or {}
    if wanted.epoch is not None or not window.get("count"):
        return []
    good, size = Verdict(good=True), settings.evaluation.window
    reason = held_or_not(good, window, size, settings.gate).reason
    return [reason.partition("; ")[0][:1].lower() + reason.partition("; ")[0][1:]] if reason else []


def _classes_changed(
    registry: Registry, today: Schema, wanted: Version, other: Version
) -> list[str]:
    """Labels that mean the opposite, by their spellings; such versions have no example in common.

    Nothing, if the schema of the served version is not known.
    """
    schemas = KnownSchemas(registry, today).by_hash
    if wanted.schema_hash not in schemas or other.schema_hash not in schemas:
        return []
    here, there = (schemas[version.schema_hash].labels for version in (wanted, other))
    names, found = ("negative", "positive"), []
    for code, name in enumerate(names):
        spelled = [text for text, now in here.items() if now == code == 1 - there.get(text, code)]
        if spelled:
            found.append(
                f"labels spelled {', '.join(map(toml_text.readable, spelled))} are {name} for it "
                f"and {names[1 - code]} for version {other.version}"
            )
    return found


def _more_rejected(wanted: Version, other: Version) -> list[str]:
    found = []
    for rows, rejected, named in (
        ("events", "rejected", "rows"),
        ("labels", "labels_rejected", "labels"),
    ):
        here, there = (
            v.events.get(rejected, 0) / max(v.events.get(rows, 0), 1) for v in (wanted, other)
        )
        if here - there > MORE_REJECTED:
            reasons = _reasons(wanted, rows)
            found.append(
                f"{here:.1%} of its {named} were rejected{reasons}, and {there:.1%} of version "
                f"{other.version}'s"
            )
    return found


def _less_learned(here: TrainedOn, there: TrainedOn, other: Version) -> list[str]:
    """Fewer examples behind the weights; those of files are among them."""
    if here.examples >= LEAST_LEARNED * there.examples:
        return []
    versus = f"version {other.version} from {there.examples:,}{there.of_which()}"
    return [f"it has learned from {here.words()}, and {versus}"]


def _lost(here: TrainedOn, there: TrainedOn, wanted: Version, other: Version) -> str:
    """That a version of the log lacks what the served one has learned from a file."""
    if here.from_files or not there.from_files:
        return ""
    return (
        f"Version {other.version} has learned {counted(there.from_files, 'example', 'examples')} "
        f"from a file, which the log does not hold and version {wanted.version} has not learned: "
        "to keep them, run 'freshet backfill FILE' with that file again and promote that version."
    )


def _reasons(version: Version, rows: str = "events") -> str:
    """The commonest reasons for which rows were rejected, in brackets."""
    reasons: Mapping[str, int] = version.metrics.get("rejected_reasons", {}).get(rows, {})
    commonest = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]
    named = ", ".join(f"{count:,} {reason}" for reason, count in commonest)
    return f" ({named})" if named else ""


class NothingCommonError(FreshetError):
    """Two versions have not scored enough of the same examples."""


def _common(
    registry: Registry, config: tuple[Settings, Schema], wanted: Version, other: Version
) -> Common:
    """The log losses of both, by the first way that gives enough examples.

    While the served version is pinned, the learner scores with it too, so that its scores up to now
    are in the learner's newest checkpoint.

    Raises:
        FreshetError: none does, or measures are missing.
    """
    here, there = (measured(*config, version.version) for version in (wanted, other))
    ways = [(windows, here, there), (curves, here, there)]
    if registry.serving.pointers().pinned and registry.versions.resume_point() is not None:
        newest = measured(*config, None)
        if (newest.manifest.get("pin") or {}).get("version") == other.version:
            ways.insert(0, (partial(windows, contender=PINNED), here, newest))
    most = 0
    for way, *both in ways:
        found = way(*(each.evaluator for each in both))
        if found.count >= FEWEST_COMMON:
            return found
        most = max(most, found.count)
    raise NothingCommonError(
        f"they have {most:,} examples in common that can be told by time and label, and "
        f"{FEWEST_COMMON} are needed"
    )
