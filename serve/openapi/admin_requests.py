"""What admin routes have in common: a reason, in a body or in a query, and who asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, TypeVar

from fastapi import Request
from pydantic import BaseModel, StringConstraints, ValidationError, WithJsonSchema

from learners.registry.actor import Actor, over_http
from serve.access.caller import caller_of, peer_of
from serve.http.body import Bodies, parse
from serve.http.every_request import seconds_left
from serve.http.problems import PerhapsChangedError, RowsRefusedError, UnknownParameterError
from serve.http.thread_pools import Threads
from serve.openapi.declared_route import Parameter

LONGEST_REASON = 2_000
# A reason of the most characters, each escaped in JSON, takes 24 KB.
MOST_ASKED = 32 * 2**10
# More than blanks, which are cut off.
PATTERN = {"type": "string", "pattern": r"\S", "maxLength": LONGEST_REASON}
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON),
    WithJsonSchema(PATTERN),
]
REASON = Parameter("reason", "query", "Why; kept in the ledger.", PATTERN)
T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


async def asked_of(bodies: Bodies, model: type[M], request: Request) -> M:
    """A request's body as its model.

    Raises:
        RowsRefusedError: a field is missing, wrong or unknown; names it.
    """
    async with bodies.of(request, MOST_ASKED) as body:
        return checked(model, parse(body))


def checked(model: type[M], content: object) -> M:
    """A body as its model.

    Raises:
        RowsRefusedError: as :func:`asked_of`.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise refusal(
            [
                {
                    "column": ".".join(str(part) for part in each["loc"])[:200],
                    "reason": each["type"],
                    "detail": each["msg"],
                }
                for each in error.errors(include_url=False, include_input=False)
            ]
        ) from None


def refusal(errors: Sequence[Mapping[str, str]]) -> RowsRefusedError:
    """The error that these fields are wrong."""
    first = "; ".join(f"{e['column'] or 'the body'}: {e['detail']}" for e in errors[:5])
    return RowsRefusedError(f"Nothing was changed. {first}.", errors)


async def changed(
    changes: Threads, request: Request, doubt: str, act: Callable[..., T], *args: object
) -> T:
    """Change the registry, if it answers in time.

    Args:
        changes: where the registry is changed.
        request: asks for it.
        doubt: what may still be done where it does not, and where to look.
        act: makes the change.
        args: its arguments.

    Raises:
        PerhapsChangedError: it does not.
    """
    try:
        return await changes.run(seconds_left(request), act, *args)
    except TimeoutError:
        raise PerhapsChangedError(f"The registry did not answer in time; {doubt}") from None


def actor_of(request: Request) -> Actor:
    """The caller, for the ledger."""
    return over_http(caller_of(request).name, peer_of(request.scope))


def reason_of(request: Request) -> str:
    """The reason in a query.

    Raises:
        UnknownParameterError: there is none.
    """
    reason = request.query_params.get("reason", "").strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        path = request.scope["route"].path.replace("{number}", "NUMBER")
        raise UnknownParameterError(
            f"A reason is required, of at most {LONGEST_REASON:,} characters: the ledger keeps it "
            f"({request.method} {path}?reason=TEXT)."
        )
    return reason
