"""The Python client against a real server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from converters.errors import UsageError
from serve.client import Client, Prediction, ProblemError, RefusedRow, UnreachableError
from tests.support.serving.project import flights
from tests.support.serving.served import Maker, a_project, as_object, maker_of, written
from tests.support.serving.server_process import Server, server_of

# A promotion reads the measures of both versions, and the tests may share two processors.
TIMEOUT = 3.0


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """A model of two versions."""
    folder = tmp_path_factory.mktemp("client")
    with maker_of(a_project(folder, more=f"[serve]\ntimeout = {TIMEOUT}\n")) as maker:
        maker.make()
        maker.make()
        yield maker


@pytest.fixture(scope="module")
def server(maker: Maker) -> Iterator[Server]:
    """A server of that model."""
    with server_of(maker.project) as server:
        yield server


@pytest.fixture
def client(server: Server, maker: Maker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client on the server's machine."""
    monkeypatch.delenv("FRESHET_TOKEN", raising=False)
    with Client(server.address, config=maker.project.config_file) as client:
        yield client


def test_a_row_is_keyword_arguments_or_a_mapping(client: Client, maker: Maker) -> None:
    """The same score for both, by the version that is served, and the row's id."""
    row = flights(1)[0]
    found = client.predict(as_object(row))
    assert client.predict(**as_object(row)) == found
    assert found.version == 2
    assert found.score == maker.scores(2, [row])[0]
    assert found.id == as_object(row)["id"]


def test_what_a_row_lacks_is_told_and_what_is_unseen_if_asked(
    client: Client, server: Server, maker: Maker
) -> None:
    """As tuples of columns, empty where there is nothing; of many rows too."""
    whole = as_object(flights(1)[0])
    row = {name: cell for name, cell in whole.items() if name != "hour"}
    assert (client.predict(whole).absent, client.predict(row).absent) == ((), ("hour",))
    with Client(server.address, config=maker.project.config_file, unseen=True) as asking:
        told = asking.predict_rows([row, whole])
    assert [each.absent for each in told if isinstance(each, Prediction)] == [("hour",), ()]
    assert client.predict(row).unseen == ()


def test_warnings_stand_beside_the_positions(client: Client) -> None:
    """An event that no label can find."""
    appended = client.events([{"carrier": "AX"}])
    assert [each["rows"] for each in appended] == [1]
    assert [each["code"] for each in appended.warnings if each["code"] == "no-id"] == ["no-id"]
    assert client.events([{"id": "w", "at": "1357016400"}]).warnings == []


def test_many_rows_keep_their_order_and_their_errors(client: Client) -> None:
    """A bad row has its reason in its place, and its neighbours are scored."""
    rows = [as_object(row) for row in flights(3)]
    rows[1]["distance"] = "far"
    first, second, third = client.predict_rows(rows)
    assert isinstance(first, Prediction)
    assert isinstance(third, Prediction)
    assert isinstance(second, RefusedRow)
    assert (second.row, second.column, second.reason) == (1, "distance", "not-a-number")


def test_a_row_is_explained(client: Client) -> None:
    """By columns, with changes, and with what would change its label."""
    row = as_object(flights(1)[0])
    answer = client.explain(row, baseline="missing", what_if=True)
    added = sum(each["contribution"] for each in answer["contributions"])
    assert answer["baseline"]["log_odds"] + added == pytest.approx(answer["log_odds"], abs=5e-6)
    assert answer["score"] == client.predict(row).score
    assert "numbers" in answer["what_if"]
    changed = client.explain(row, {"hour": 3})
    assert changed["after"]["score"] == client.predict(row, hour=3).score


def test_a_refusal_says_what_is_wrong(client: Client) -> None:
    """The error has the problem document with its request id."""
    with pytest.raises(ProblemError, match=r"422 .*colour") as error:
        client.predict(colour="red")
    assert error.value.status == 422
    assert error.value.problem["request_id"]


def test_events_and_labels_are_on_the_log(client: Client, maker: Maker) -> None:
    """At the positions that the call returns."""
    (event,) = client.events([as_object(flights(1)[0])])
    (label,) = client.labels([{"id": "nobody", "label": "1"}])
    found = written(maker.project)
    for each in (event, label):
        assert (each["topic"], each["partition"], each["offset"]) in found


def test_versions_move_with_the_token_of_this_machine(client: Client) -> None:
    """The client of the server's own user finds the admin token by itself."""
    assert [version["version"] for version in client.versions()] == [1, 2]
    assert client.rollback(1, "test")["serving"] == 1
    assert client.predict(as_object(flights(1)[0])).version == 1
    assert client.promote(2, "test")["serving"] == 2
    assert client.unpin("test")["pinned"] is False
    assert client.version(1)["version"] == 1
    assert client.status()["served"]["version"] == 2
    assert client.served_at("2100-01-01T00:00:00Z") == 2
    assert {entry["action"] for entry in client.history()} >= {"rollback", "promote", "unpin"}


def test_a_replay_is_looked_at_before_it_is_asked_for(client: Client, maker: Maker) -> None:
    """By offsets and by time, as on the command line."""
    client.events([as_object(flights(1)[0])])
    events = maker.project.topics().events
    for what in (
        {"skip": [f"{events}:0:0-0"]},
        {"skip_time": [{"of": "events", "from": "2000-01-01T00:00Z"}]},
    ):
        found = client.rollback(1, "test", "replay", preview=True, **what)
        assert (found["version"], found["events"]["rows"] > 0) == (1, True)


def test_without_the_config_nothing_moves(server: Server, tmp_path: Path) -> None:
    """No token is found, and the server refuses."""
    with (
        Client(server.address, config=tmp_path / "none.toml") as client,
        pytest.raises(ProblemError, match="401"),
    ):
        client.unpin("test")


def test_a_connection_that_the_server_closed_is_opened_again(client: Client) -> None:
    """A call after a pause longer than the server keeps idle connections works."""
    row = as_object(flights(1)[0])
    client.predict(row)
    client._connection.sock.settimeout(10 * TIMEOUT)
    assert client._connection.sock.recv(1) == b""  # the server has closed it
    assert client.predict(row).version == 2


def test_no_server_is_an_error_that_says_so() -> None:
    """Where nothing listens, where nothing answers, and where the address is none."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with (
            Client(address, timeout=0.1) as client,
            pytest.raises(UnreachableError, match="freshet serve"),
        ):
            client.status()
    with pytest.raises(UnreachableError, match=address.removeprefix("http://")):
        Client(address).status()
    with pytest.raises(UsageError, match="http://HOST:PORT"):
        Client("127.0.0.1:8000")


def test_a_token_read_from_a_file_works_and_is_never_quoted(
    server: Server, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line end is dropped; what no header can have is an error without the secret."""
    text = (maker.project.settings.home / "admin.token").read_text()
    assert text.endswith("\n")
    with Client(server.address, token=text) as client:
        assert client.unpin("test")["pinned"] is False
    monkeypatch.setenv("FRESHET_TOKEN", text.strip() + "\nX-More: 1")
    with pytest.raises(UsageError, match="FRESHET_TOKEN") as error:
        Client(server.address)
    assert text.strip() not in str(error.value)


def test_the_local_token_is_not_sent_to_other_machines(maker: Maker) -> None:
    """A client of an address elsewhere has none."""
    with Client("http://192.0.2.1:8000", config=maker.project.config_file) as client:
        assert client._local_admin_token() is None


def test_an_answer_of_something_else_is_an_error() -> None:
    """A proxy's page in place of a problem document."""
    page = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(page)

        thread = threading.Thread(target=answer)
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(address) as client, pytest.raises(ProblemError, match="502 Bad Gateway"):
            client.status()
        thread.join()
