"""The worst requests for every route, and the status that answers each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tests.faults.http.case import TOKEN, Case
from tests.faults.http.other_cases import admin_cases, get_cases, post_edges
from tests.faults.http.row_cases import row_cases
from tests.support.serving.worst_bodies import ADMIN, worst_bodies


def chunked(cases: Iterable[Case], chunk: int) -> Iterator[Case]:
    """The same requests in chunks of so many bytes; millions take longer than a request may."""
    for case in cases:
        name, status = f"{case.name}, in chunks of {chunk}", (*case.status, 408)
        yield replace(case, name=name, chunk=chunk, status=status)


def generated() -> Iterator[Case]:
    """What :mod:`tests.support.serving.worst_bodies` makes, most of it to be refused."""
    answers = (200, 202, 400, 408, 413, 422, 503)
    for body in worst_bodies():
        for path in body.routes:
            headers = (f"Authorization: Bearer {TOKEN}",) if path in ADMIN else ()
            yield Case(
                f"{body.name}, any answer",
                path,
                body.kind,
                body.of,
                answers,
                headers=headers,
                generated=True,
            )


def all_cases() -> list[Case]:
    """The corpus."""
    rows = list(row_cases())
    some = [case for case in rows if case.name in ("commas", "10,000 rows")]
    return [*rows, *admin_cases(), *get_cases(), *post_edges(), *generated(), *chunked(some, 1)]
