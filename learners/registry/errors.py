"""The registry's errors, and what a database's own errors mean to a user.

The command line prints these as one paragraph and the HTTP side maps them to statuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from converters.config.shown_url import shown_url, without_secrets
from converters.errors import FreshetError

# A writer holds the lock for milliseconds; one that holds it this long is stopped or stuck.
BUSY_SECONDS = 10.0


class RegistryError(FreshetError):
    """The registry cannot be read or written, or holds what should not be there."""


class RegistryUnavailableError(RegistryError):
    """The registry does not answer, or its disk is full; trying again may help."""


class NoRegistryError(RegistryError):
    """The registry, or the model in it, is not there, and this is not to make it."""


class NewerRegistryError(RegistryError):
    """A newer release has made the registry, or migrated it; this one leaves it alone."""


class SupersededError(RegistryError):
    """Another learner of the model has taken over; nothing was changed."""


class UnknownVersionError(RegistryError):
    """No version has this number."""


class UnservableVersionError(RegistryError):
    """The version exists, but was refused, its files are deleted, or its schema is not known."""


class LeftBehindError(RegistryError):
    """Events wait that the learner could not take along; nothing was changed."""


class PromotionRefusedError(RegistryError):
    """The version is worse than the one that is served; nothing was changed."""


class AdoptionWithdrawnError(RegistryError):
    """The learner was to take a version's state, and meanwhile is not to any more."""


class UnknownRollbackError(RegistryError):
    """No rollback has this number."""


class RollbackClaimedError(RegistryError):
    """The learner does it, or has ended it: it cannot be cancelled; nothing was changed."""


class RollbackUnderWayError(RegistryError):
    """Another rollback of the learner is under way; nothing was changed."""


class RollbackRefusedError(RegistryError):
    """The learner could not go back to this version; nothing was changed."""


class UnknownQuarantineError(RegistryError):
    """There is no quarantine of this number."""


class PostConflictError(RegistryError):
    """An idempotency key was used before, for another request."""


class PostInProgressError(RegistryError):
    """The first request with this idempotency key has not been answered yet."""


def no_registry(shown: str, did_you_mean: str = "") -> NoRegistryError:
    """Why nothing is read: no learner or server has made the registry yet, or it is elsewhere."""
    return NoRegistryError(
        f"There is no registry at {shown}{did_you_mean or '.'} Check `home` and `registry` in the "
        "config; 'freshet learn' makes one when it starts. Nothing was made."
    )


def no_model(shown: str, model: str, known: Sequence[str] | None) -> NoRegistryError:
    """Why nothing is read of a registry that has other models only, or has no tables yet."""
    if known is None:
        return no_registry(shown)
    return NoRegistryError(
        f"The registry {shown} has no model '{model}', only {', '.join(known) or 'none'}. Check "
        "`model`, `home` and `registry` in the config; 'freshet learn' begins a model. Nothing "
        "was made."
    )


def ranges(numbers: Sequence[int]) -> str:
    """Rising numbers as text, runs drawn together: ``1-3, 7``; ``none`` when there are none."""
    runs = [
        [number for _, number in run]
        for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ]
    texts = [f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs]
    return ", ".join(texts) or "none"


# SQLite's result codes (https://www.sqlite.org/rescode.html) by what the user can do about them.
_ADVICE = {
    "SQLITE_READONLY": "make the file and its folder writable for this user",
    "SQLITE_CANTOPEN": "check that the folder exists and that this user may write to it",
    "SQLITE_PERM": "make the file and its folder writable for this user",
    "SQLITE_CORRUPT": "the file is damaged: restore a backup, or move it away to start afresh",
    "SQLITE_NOTADB": "this is no registry: correct `registry` in the config or move the file away",
    "SQLITE_BUSY": f"another process has held it for {BUSY_SECONDS:.0f} s: find it (a backup? a "
    "stopped freshet?), let it continue or end it",
    "SQLITE_FULL": "the disk is full: free some space; nothing was changed",
    "SQLITE_IOERR": "the disk fails to read or write: look at the system's log; if the disk is "
    "well, start again",
}
_PASSING = frozenset({"SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR"})


def primary_code(error: BaseException | None) -> str:
    """The first two words of an SQLite result code: ``SQLITE_IOERR_WRITE`` is an IOERR."""
    return "_".join(str(getattr(error, "sqlite_errorname", "")).split("_")[:2])


def translated(error: Exception, url: str) -> RegistryError:
    """The error to raise for one of the database's; of the kind that says if waiting may help."""
    from sqlalchemy.exc import IntegrityError, StatementError  # whoever has such an error has it

    cause = error.orig if isinstance(error, StatementError) else error
    if isinstance(cause, RegistryError):
        return cause
    code = primary_code(cause)
    said = without_secrets(" ".join(str(cause).split()), url)
    where = f"The registry {shown_url(url)}"
    if code in _ADVICE:
        kind = RegistryUnavailableError if code in _PASSING else RegistryError
        return kind(f"{where} cannot be used ({said}): {_ADVICE[code]}.")
    if isinstance(cause, ValueError):
        return RegistryError(
            f"{where} holds a value that cannot be read ({said}): {_ADVICE['SQLITE_CORRUPT']}."
        )
    if isinstance(error, IntegrityError):
        return RegistryError(
            f"{where} refused what Freshet wrote ({said}); nothing was changed. This is a bug "
            "in Freshet: please report it with this message."
        )
    return RegistryUnavailableError(
        f"{where} does not answer as it should ({said}): check that the database runs and that "
        "this user may read and write it, then try again."
    )
