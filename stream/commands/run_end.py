"""How a run of the learner or a backfill ends: its report, what was lost in it, and its failure.

Only light imports here: ``freshet --help`` loads this.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from time import time
from typing import Annotated, Any

import typer

from converters.errors import FreshetError, UsageError
from converters.show.command_line import print_json, say

MaxRejected = Annotated[
    str | None,
    typer.Option(
        "--max-rejected",
        metavar="SHARE",
        help="Exit with 1 if a larger share of this run's rows is refused: 0.1 or 10% (default).",
    ),
]
MaxExpired = Annotated[
    str | None,
    typer.Option(
        "--max-expired",
        metavar="SHARE",
        help="Exit with 1 if a larger share of this run's events or labels expires "
        "(default: if nothing else happens to them).",
    ),
]
DEAD_LETTERS = "List the refused rows with: freshet dead-letters"
# Fewer that expire say little: a run each minute may see no others.
LEAST_EXPIRED = 10


class TooManyRejectedError(FreshetError):
    """A run has refused more of its rows than it may."""


class TooManyExpiredError(FreshetError):
    """More of a run's events or labels have expired than may."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a run may lose before it has failed.

    Attributes:
        rejected: the share of its rows that may be refused.
        expired: that of its events and labels that may expire; None: some, if any are learned.
    """

    rejected: float
    expired: float | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run has failed, and what that means for what it did.

    Attributes:
        what: how much was lost; no full stop.
        error: what to raise.
        saved: what is saved, and what to do.
        again: before another backfill.
    """

    what: str
    error: type[FreshetError]
    saved: str
    again: str

    def of_learning(self) -> FreshetError:
        """The error that a run of the learner ends with."""
        return self.error(f"{self.what}, so this run has failed. {self.saved}")

    def of_backfill(self, version: int) -> FreshetError:
        """The error that a backfill ends with."""
        return self.error(
            f"{self.what}, so version {version} stays a candidate (freshet report --version "
            f"{version} has its figures). {self.again} and run the backfill again, or serve the "
            f"version all the same: freshet promote {version} --force --reason TEXT"
        )


def allowed(rejected: str | None, expired: str | None, *, until_end: bool = True) -> Allowed:
    """What the two options allow.

    Raises:
        UsageError: one is no share, or the run has no end at which to fail.
    """
    from converters.cells.remedies import MOST_REJECTED
    from converters.show.refused_share import to_share

    for option, text in (("--max-rejected", rejected), ("--max-expired", expired)):
        if text is not None and not until_end:
            raise UsageError(f"{option} goes with --until-end: else learning ends when stopped.")
    return Allowed(
        MOST_REJECTED if rejected is None else to_share(rejected),
        None if expired is None else to_share(expired),
    )


def where_listed(source: str, *, fresh: bool) -> str:
    """How to see the rows that a backfill has refused, which it writes to no topic."""
    if source != "log":
        return f"List the refused rows with: freshet convert {shlex.quote(source)} --rejects FILE"
    return "" if fresh else DEAD_LETTERS  # under another config others are refused


def tell(report: dict[str, Any], allowed: Allowed, listed: str, *, json: bool) -> Failure | None:
    """Print a report and what was lost in this run; if that is too much, what to fail with.

    Args:
        report: of the run.
        allowed: what it may lose.
        listed: a sentence on where refused rows are listed.
        json: whether to print it as JSON.
    """
    if json:
        print_json(report)
    else:
        _say_report(report)
    rejected = _tell_rejected(report, allowed.rejected, listed)
    expired = _tell_expired(report, allowed.expired)
    _tell_repeated(report["duplicates_this_run"])
    return rejected or expired


def _tell_rejected(report: dict[str, Any], allowed: float, listed: str) -> Failure | None:
    from converters.show.refused_share import say_refused

    failure = None
    for kind, found in report["rejected_this_run"].items():
        rows, what = found["rows"], f"rows of {kind} in this run"
        named = found["reasons"], found["examples"]
        if say_refused(what, rows, *named, where=listed, allowed=allowed):
            share = found["rejected"] / rows
            failure = failure or Failure(
                f"{found['rejected']:,} of {rows:,} {what} ({share:.1%}) were refused, more than "
                f"the {allowed * 100:.4g}% that --max-rejected allows",
                TooManyRejectedError,
                "What was accepted is learned and saved. Correct what was refused; 'freshet "
                "replay-dead-letters' tells how to resubmit it.",
                "Correct what was refused",
            )
    return failure


def _tell_expired(report: dict[str, Any], allowed: float | None) -> Failure | None:
    from stream.fold.expiry import EVENTS, LABELS, MOST_EXPIRED, advice, in_words, lost
    from stream.fold.run_report import JUMP

    found: dict[str, Any] = report["expired_this_run"]
    gone = {kind: lost(kind, found[kind]) for kind in (EVENTS, LABELS)}
    told, many, failed = [], False, []
    for kind in (kind for kind, count in gone.items() if count):
        decided = found[kind]["decided"]
        told.append(in_words(kind, found[kind], f"{decided:,} {kind} in this run"))
        many |= gone[kind] > MOST_EXPIRED * decided and gone[kind] >= LEAST_EXPIRED
        if allowed is not None and gone[kind] > allowed * decided:
            failed.append(f"{told[-1]}, more than the {allowed * 100:.4g}% of --max-expired")
    nothing = found[EVENTS]["decided"] == gone[EVENTS]
    if allowed is None and nothing and sum(gone.values()) >= LEAST_EXPIRED:
        failed.append(f"Nothing was learned: {'; '.join(told)}")
    if told:
        warned = many or failed
        helps = f" {advice(found.get(JUMP), report.get('labels_quarantined', 0))}" if warned else ""
        say(f"{'WARNING: ' if warned else ''}{'; '.join(told)}.{helps}")
    if not failed:
        return None
    return Failure(
        failed[0],
        TooManyExpiredError,
        "What came in time is learned and saved, and what waits still waits. --max-expired says "
        "how much may expire.",
        "Correct the times of the labels, or late_labels.wait,",
    )


def _tell_repeated(found: dict[str, int]) -> None:
    from stream.fold.run_report import repeats_said

    if said := repeats_said(found, "rows of events in this run"):
        say(f"WARNING: {said}")


def _say_report(report: dict[str, Any]) -> None:
    from converters.show.stream_time import against_clock
    from converters.show.tables import counted
    from stream.fold.run_report import remarks
    from stream.stages import table

    kinds = ["learned", "waiting", "expired", "scored_only", "rejected", "duplicates"]
    kinds += ["quarantined"] if report["quarantined"] else []
    counts = ", ".join(f"{report[kind]:,} {kind.replace('_', ' ')}" for kind in kinds)
    measures = [f"{n} {report[n]:.4f}" for n in ("log_loss", "auc") if report[n] is not None]
    version = f"Version {report['version']}" if report["version"] else "No version yet"
    this_run = ", ".join(
        f"{counted(found['rows'], kind.removesuffix('s'), kind)} ({found['rejected']:,} refused)"
        for kind, found in report["rejected_this_run"].items()
    )
    events = counted(report["events"], "event", "events")
    say(f"{events} so far: {counts}. In this run: {this_run}. {', '.join([version, *measures])}.")
    if stream_time := report.get("stream_time"):
        say(f"Stream time {against_clock(stream_time, round(time() * 1000))}.")
    if evicted := report.get("crowded_out_labels"):
        say(
            f"{counted(evicted, 'label was', 'labels were')} evicted before an event of that id "
            "came: more came than late_labels.max_labels lets wait."
        )
    for words in remarks(report):
        say(words)
    if (profile := report.get("profile")) is not None:
        for line in table(profile):
            say(line)
