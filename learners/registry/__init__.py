"""The registry of versions: what was learned, what is served, and who moved it when and why.

The row that names a snapshot is its commit point. :class:`Registry` opens the database and has a
part for each kind of question: ``versions``, ``serving`` (pointers), ``ledger``, ``writer`` (the
learner), and what people ask of the learner. ``row_types`` go in and out of its tables.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from learners.registry.row_types import utc_now


class Registry:
    """The versions of one model; safe to share between threads, not between forks.

    Every method of its parts raises :class:`RegistryError` when the database fails, and
    :class:`RegistryUnavailableError`, one of its kind, when trying again may help. A change that
    raises has changed nothing.

    Args:
        url: of the database: ``sqlite:///PATH``, or another one of SQLAlchemy's.
        model: its name.
        clock: what the rows are dated by.
        read_only: leave the database as it is, and raise :class:`NoRegistryError` if there is none.
        create: make the database and the model where they are not there; else the same error.
    """

    def __init__(
        self,
        url: str,
        model: str,
        clock: Callable[[], datetime] = utc_now,
        *,
        read_only: bool = False,
        create: bool = True,
    ) -> None:
        # SQLAlchemy takes a quarter of a second: those that need row types or errors alone, such as
        # the reader's process, do not wait for it.
        from learners.registry.database import Database
        from learners.registry.ledger import Ledger
        from learners.registry.lineages import Lineages
        from learners.registry.requests.adoptions import Adoptions
        from learners.registry.requests.quarantine import Quarantines
        from learners.registry.requests.rollback import Rollbacks
        from learners.registry.serving import Serving
        from learners.registry.versions import Versions
        from learners.registry.writer import Writer

        database = Database(url, model, clock, read_only=read_only, create=create)
        self.database = database
        self.versions = Versions(database)
        self.lineages = Lineages(database)
        self.serving = Serving(database)
        self.adoptions = Adoptions(database)
        self.rollbacks = Rollbacks(database)
        self.quarantines = Quarantines(database)
        self.ledger = Ledger(database)
        self.writer = Writer(database)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
