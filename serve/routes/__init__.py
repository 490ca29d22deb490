"""The routes, a module for each resource. A new one is a module here and a line in ``MODULES``.

Each module has a class of handlers, pydantic models of what they read and answer, and a function
``routes`` that declares them. The application, the OpenAPI document and the tests of security and
of hostile requests take them from here.
"""

from __future__ import annotations

from serve.openapi.declared_route import Route
from serve.routes import (
    explain,
    ingest,
    monitoring,
    pages,
    predict,
    quarantines,
    rollbacks,
    serving,
    versions,
    weights,
)
from serve.service import Service

MODULES = (
    *(predict, explain, ingest, versions, weights),
    *(serving, rollbacks, quarantines, monitoring, pages),
)


def all_routes(service: Service) -> list[Route]:
    """Every route of the server."""
    return [route for module in MODULES for route in module.routes(service)]
