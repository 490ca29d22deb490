"""The registry of versions: what was learned, what is served, and who moved it when and why.

Stands between snapshot folders on disk and everyone who asks for one. A snapshot that no row
here names does not exist; the row that names it is the commit point. Read
:mod:`learners.registry.registry` first; the modules beside it each know one table.
"""

from learners.registry.errors import (
    PostConflictError,
    PostInProgressError,
    RegistryError,
    RegistryUnavailableError,
    SupersededError,
    UnknownVersionError,
    UnservableVersionError,
)
from learners.registry.records import (
    Checkpoint,
    Commit,
    Committed,
    Entry,
    Lineage,
    Pointers,
    Start,
    State,
    Status,
    StoredResponse,
    Verdict,
    Version,
    iso,
    utc_now,
)
from learners.registry.registry import Registry

__all__ = [
    "Checkpoint",
    "Commit",
    "Committed",
    "Entry",
    "Lineage",
    "Pointers",
    "PostConflictError",
    "PostInProgressError",
    "Registry",
    "RegistryError",
    "RegistryUnavailableError",
    "Start",
    "State",
    "Status",
    "StoredResponse",
    "SupersededError",
    "UnknownVersionError",
    "UnservableVersionError",
    "Verdict",
    "Version",
    "iso",
    "utc_now",
]
