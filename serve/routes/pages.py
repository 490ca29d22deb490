"""The pages: the dashboard at ``/`` and the reference of the routes at ``/docs``.

Static files of ``serve/dashboard``, read once. Their content security policy lets a browser load
nothing from other servers.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from serve.openapi.declared_route import Route
from serve.service import Service

FOLDER = Path(__file__).parents[1] / "dashboard"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str


class Pages:
    """The handlers of the pages and their parts."""

    def __init__(self) -> None:
        self._pages = {
            path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in MEDIA_TYPES
        }

    async def dashboard(self, request: Request) -> Response:
        """The live page."""
        return self._answer(request, "index.html")

    async def reference(self, request: Request) -> Response:
        """The reference of the routes, from the OpenAPI document."""
        return self._answer(request, "docs.html")

    async def part(self, request: Request) -> Response:
        """A style sheet, a script or a picture."""
        return self._answer(request, request.path_params["name"])

    def _answer(self, request: Request, name: str) -> Response:
        page = self._pages.get(name)
        if page is None:
            raise HTTPException(404)
        headers = {**HEADERS, "ETag": page.etag}
        if request.headers.get("if-none-match") == page.etag:
            return Response(status_code=304, headers=headers)
        return Response(page.content, headers=headers, media_type=page.media_type)


def _read(path: Path) -> Page:
    content = path.read_bytes()
    etag = f'"{sha256(content).hexdigest()[:16]}"'
    return Page(content, MEDIA_TYPES[path.suffix], etag)


def routes(_service: Service) -> list[Route]:
    """Declare the pages, which the OpenAPI document leaves out."""
    pages = Pages()
    return [
        Route("GET", "/", pages.dashboard),
        Route("GET", "/docs", pages.reference),
        Route("GET", "/dashboard/{name}", pages.part),
    ]
