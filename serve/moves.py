"""What the bodies of ``/promote``, ``/rollback`` and ``/unpin`` may say.

Read off by :mod:`serve.routes.versions`, shown by the OpenAPI document; few requests, so pydantic here.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from serve.http.problems import RowsRefusedError

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
M = TypeVar("M", bound=BaseModel)


class Unpin(BaseModel):
    """Follow the learner again."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    reason: Reason = Field(description="why; kept in the ledger", examples=["mended"])


class Move(Unpin):
    """Serve a version."""

    version: int = Field(ge=1, le=2**31 - 1, description="its number", examples=[12])
    learner: Literal["keep"] = Field(
        "keep", description="`keep`: the learner goes on as it is; this release knows no other"
    )
    skip: list[str] = Field(
        [], max_length=0, description="ranges to leave out of a replay; none with `keep`"
    )


def check(model: type[M], content: object) -> M:
    """A body as what it must be.

    Raises:
        RowsRefusedError: a field is missing, wrong or unknown; names it.
    """
    try:
        return model.model_validate(content)
    except ValidationError as error:
        errors = [
            {
                "column": ".".join(str(part) for part in each["loc"])[:200],
                "reason": each["type"],
                "detail": each["msg"],
            }
            for each in error.errors(include_url=False, include_input=False)
        ]
        told = "; ".join(f"{e['column'] or 'the body'}: {e['detail']}" for e in errors[:5])
        raise RowsRefusedError(f"Nothing was moved. {told}.", errors) from None
