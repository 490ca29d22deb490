"""Request ids: given or made, in every answer, in every problem and in the log's lines."""

from __future__ import annotations

import http.client
import io
import json
import subprocess
import sys
from collections.abc import Iterator
from http import HTTPStatus

import pytest
from starlette.testclient import TestClient

from serve.http import request_ids
from serve.http.problems import KINDS, last_answer
from serve.live.live_model import LiveModel
from stream.logging import configure_logs
from tests.support.serving.project import flights
from tests.support.serving.served import a_client, as_object, problem_of

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of a server."""
    with a_client(tmp_path_factory.mktemp("ids")) as (client, _):
        yield client


@pytest.mark.parametrize("given", ["a", "0f.8~_:/+=@-Z", "x" * 128])
def test_a_well_formed_id_is_kept(client: TestClient, given: str) -> None:
    """The caller's id is the answer's."""
    response = client.get("/health/live", headers={"X-Request-ID": given})
    assert response.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize(
    "given", [b"", b" ", b"x" * 129, b"a b", b"a\tb", b'a"b', b"a\xe9", b"\x1b[2J", b"{a}", b"a,b"]
)
def test_another_id_is_replaced(client: TestClient, given: bytes) -> None:
    """An id that is empty, long, or could forge a line of a log is not taken."""
    headers = [(b"X-Request-ID", given)]
    made = client.get("/health/live", headers=headers).headers["x-request-id"]
    assert made.encode() != given
    assert made.isascii()


def test_two_ids_are_none(client: TestClient) -> None:
    """Of two ids neither is taken: a proxy's and an attacker's cannot be told apart."""
    headers = [(b"X-Request-ID", b"one"), (b"X-Request-ID", b"two")]
    made = client.get("/health/live", headers=headers).headers.get_list("x-request-id")
    assert len(made) == 1
    assert made[0] not in ("one", "two", "one, two")


def test_ids_that_are_made_are_unique(client: TestClient) -> None:
    """Each request has an id of its own, and another process makes other ones."""
    made = [client.get("/health/live").headers["x-request-id"] for _ in range(3)]
    code = "from serve.http import request_ids; print(request_ids.new())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    made += [run.stdout.strip(), request_ids.new()]
    assert len({each.partition("-")[0] for each in made}) == 2
    assert len(set(made)) == 5


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nothing", b"", 404),
        ("DELETE", "/predict", b"", 405),
        ("POST", "/predict", b"{", 400),
        ("POST", "/predict", b'{"colour": 1}', 422),
        ("POST", "/events", b"x" * 9_000_000, 413),
        ("GET", "/versions/9999", b"", 404),
    ],
)
def test_every_problem_has_the_id(
    client: TestClient, method: str, path: str, body: bytes, status: int
) -> None:
    """As a member of the document and in the header, whatever refused the request."""
    headers = {**JSON, "X-Request-ID": "mine"}
    response = client.request(method, path, content=body, headers=headers)
    assert response.status_code == status
    assert problem_of(response)["request_id"] == "mine"


def test_a_bug_is_found_by_its_id(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The 500 has the request id, and so has the line of the log with the traceback."""

    def broken(_self: LiveModel) -> None:
        raise ZeroDivisionError("a bug")

    configure_logs()
    monkeypatch.setattr(LiveModel, "use", broken)
    row = as_object(flights(1)[0])
    response = client.post("/predict", json=row, headers={"X-Request-ID": "at-three"})
    problem = problem_of(response)
    assert (problem["status"], problem["type"]) == (500, "urn:freshet:problem:bug")
    assert "at-three" in problem["detail"]
    said = capsys.readouterr().err
    (line,) = [line for line in said.splitlines() if "request_id=at-three" in line]
    assert "route=/predict" in line
    assert "ZeroDivisionError: a bug" in said


@pytest.mark.parametrize("kind", [*KINDS.values()], ids=lambda kind: kind.name)
def test_an_answer_before_any_request_is_whole(kind: object) -> None:
    """The bytes parse as HTTP, end the connection, and have an id."""

    class Bytes:
        def makefile(self, _mode: str) -> io.BytesIO:
            answer = last_answer(kind, "Détail \r\n of it.", "of-it")  # type: ignore[arg-type]
            return io.BytesIO(answer)

    response = http.client.HTTPResponse(Bytes())  # type: ignore[arg-type]
    response.begin()
    content = json.loads(response.read())
    assert response.getheader("Connection") == "close"
    assert response.reason == HTTPStatus(response.status).phrase
    assert content["status"] == response.status
    assert content["request_id"] == response.getheader("X-Request-ID") == "of-it"
    assert content["detail"] == "Détail \r\n of it."
