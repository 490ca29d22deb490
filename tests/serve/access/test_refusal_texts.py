"""What a caller whose token is not accepted is told, and what the logs say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from starlette.testclient import TestClient

from serve.access.local_admin import ensure
from tests.serve.access.test_guard import bearer, settle, tokens_of
from tests.support.serving.served import a_client, problem_of

HOUR = timedelta(hours=1)
MOVE = {"version": 1, "reason": "test"}


@pytest.fixture(scope="module")
def known(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A server, and tokens by what they are."""
    with a_client(tmp_path_factory.mktemp("texts")) as (client, maker):
        local = ensure(maker.project.settings)
        assert local is not None
        file, now = tokens_of(maker.project), datetime.now(UTC)
        made = {
            name: file.add(name, scopes, ends)[1]
            for name, scopes, ends in (
                ("right", ["score"], None),
                ("expired", ["score"], now - HOUR),
                ("revoked", ["score", "read"], None),
                ("both", ["score"], now - HOUR),
                ("ops", ["admin"], None),
            )
        }
        file.revoke("revoked")
        file.revoke("both")
        settle()
        yield client, made | {"local": local}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("expired", r"The token 'expired' expired at 20\d\d-\d\d-\d\dT[0-9:.]+Z\."),
        ("revoked", r"The token 'revoked' was revoked at 20\d\d-\d\d-\d\dT[0-9:.]+Z\."),
        ("both", r"The token 'both' was revoked at 20\S+Z\."),
        (
            "local",
            r"The token in admin\.token is not accepted while another admin token can be used\.",
        ),
        ("unknown", r"The token that was sent is unknown\."),
        ("", r"No token was sent\."),
    ],
)
def test_a_401_says_what_is_wrong_with_the_token(
    known: tuple[TestClient, dict[str, str]], name: str, why: str
) -> None:
    """To whoever has its secret; a right id with another secret is unknown."""
    client, made = known
    if name in made and name != "local":
        text = made[name]
        for other in (text[:-1] + ("0" if text[-1] != "0" else "1"), text[:20] + "0" * 64):
            answer = client.post("/predict", json={}, headers=bearer(other))
            assert "The token that was sent is unknown." in problem_of(answer)["detail"]
    headers = bearer(made.get(name, "fr_0123456789abcdef_" + "0" * 64)) if name else {}
    for path, scope in (("/predict", "score"), ("/promote", "admin")):
        problem = problem_of(client.post(path, json=MOVE, headers=headers))
        assert problem["status"] == 401
        end = f" This needs a token of the scope {scope}: send it as 'Authorization: Bearer TOKEN'."
        assert re.fullmatch(why + re.escape(end), problem["detail"])


@pytest.mark.parametrize(
    ("name", "headers", "reason"),
    [
        ("right", {}, "scope"),
        ("revoked", {}, "token"),
        ("expired", {}, "token"),
        ("ops", {"origin": "http://evil.example"}, "origin"),
        ("ops", {"content-type": "text/plain"}, "media-type"),
        ("", {}, "token"),
    ],
)
def test_a_refused_call_is_logged_with_the_name_of_its_token(
    known: tuple[TestClient, dict[str, str]], name: str, headers: dict[str, str], reason: str
) -> None:
    """Where its secret was right, whatever it was refused for."""
    client, made = known
    sent = {"content-type": "application/json"} | headers | (bearer(made[name]) if name else {})
    with structlog.testing.capture_logs() as logs:
        client.post("/promote", content=b"{}", headers=sent)
    (line,) = logs
    assert (line["token"], line["reason"]) == (name, reason)
