"""The errors every floor raises: what broke, where, and what to do about it.

The command line prints an error's message as one plain paragraph and exits with its
``exit_status``; the HTTP side maps the classes to statuses. An error is raised once, at the
depth that knows the cause.
"""

from __future__ import annotations


class FreshetError(Exception):
    """Something failed; the message says what, where and what to do."""

    exit_status = 1


class UsageError(FreshetError):
    """The command or the configuration is wrong, and running it again will not help."""

    exit_status = 2


class StartAgainError(FreshetError):
    """A process has to be started again, and then goes on; nothing is wrong with it."""

    exit_status = 75  # EX_TEMPFAIL of sysexits.h
