"""``/predict?remember=true``: scored, and appended with what the caller is given, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from serve.access.tokens import file_of
from serve.live import answered_ids, remembering
from serve.live.answered_ids import GivenScores
from serve.live.log_appender import Appender
from stream.log.batch import EventRows
from stream.log.contract import LogUnavailableError, Record, StampError
from stream.log.signed_scores import Served
from stream.reading.conversion import record_reader
from tests.support.serving.project import Project, flights
from tests.support.serving.served import (
    FEATURES,
    Maker,
    a_client,
    a_project,
    as_csv,
    as_object,
    client_of,
    problem_of,
    written,
)

CSV = {"content-type": "text/csv"}
REMEMBER = "/predict?remember=true"
ROWS = flights(40, seed=5)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[TestClient, Maker]]:
    """A server of one version, whose log is empty."""
    with a_client(tmp_path) as pair:
        yield pair


def on_log(project: Project) -> list[tuple[str, Served | None]]:
    """Ids of the rows on the log in their order, with what the reader believes was given."""
    records: list[Record] = [written(project)[place] for place in sorted(written(project))]
    batch = record_reader(project.context).batch(records, {})
    assert not batch.ignored
    assert not batch.events.refused
    return [(id_, batch.events.served.get(at)) for at, id_ in enumerate(batch.events.ids)]


def given(project: Project) -> dict[str, tuple[float, int]]:
    """Score and version by id, as on the log; each id is there once."""
    found = on_log(project)
    assert len(dict(found)) == len(found)
    return {id_: (served.score, served.version) for id_, served in found if served is not None}


def test_a_row_is_on_the_log_with_the_score_of_its_answer(
    served: tuple[TestClient, Maker],
) -> None:
    """To the last bit, with the version, what that had learned, and how old it was."""
    client, maker = served
    plain = client.post("/predict", json=as_object(ROWS[0])).json()
    answer = client.post(REMEMBER, json=as_object(ROWS[0]))
    assert (answer.status_code, answer.json()) == (200, plain)
    ((id_, found),) = on_log(maker.project)
    assert found is not None
    version = maker.registry.versions.find(1)
    assert (id_, found[:3]) == (ROWS[0][0], (plain["score"], 1, version.events["learned"]))
    assert 0 <= found.age_ms < 60_000
    assert client.post("/predict", json=as_object(ROWS[1])).status_code == 200
    assert client.post("/predict?remember=false", json=as_object(ROWS[2])).status_code == 200
    assert len(written(maker.project)) == 1


def test_every_form_is_remembered_alike(served: tuple[TestClient, Maker]) -> None:
    """Objects, lists, instances and CSV: each row with its own score, at its own time."""
    client, maker = served
    objects = list(map(as_object, ROWS))
    answers = [
        *client.post(REMEMBER, json=objects[:10]).json()["predictions"],
        *client.post(REMEMBER, json={"instances": objects[10:20]}).json()["predictions"],
        *client.post(REMEMBER, content=as_csv(ROWS[20:30], FEATURES), headers=CSV).json()[
            "predictions"
        ],
        *(client.post(REMEMBER, json=each).json() for each in objects[30:]),
    ]
    expected = {row[0]: (each["score"], 1) for row, each in zip(ROWS, answers, strict=True)}
    assert given(maker.project) == expected
    assert [each["score"] for each in answers] == maker.scores(1, ROWS)
    times = {record.time for record in written(maker.project).values()}
    assert times == {int(row[1]) * 1000 for row in ROWS}


def test_a_repeated_id_gets_the_first_answer(served: tuple[TestClient, Maker]) -> None:
    """Its score and version, whatever is served and sent since; nothing is appended twice."""
    client, maker = served
    first = client.post(REMEMBER, json=as_object(ROWS[0])).json()
    maker.point_to(maker.make())
    while client.get("/health/ready").json().get("version", 2) != 2 or (
        client.post("/predict", json=as_object(ROWS[0])).json()["version"] != 2
    ):
        sleep(0.01)
    other = as_object(ROWS[0]) | {"carrier": "BZ", "distance": 90}
    for row in as_object(ROWS[0]), other:
        again = client.post(REMEMBER, json=row).json()
        assert again == first | {"repeated": True}
    rows = [other, as_object(ROWS[1]), as_object(ROWS[1]) | {"hour": "3"}]
    answer = client.post(REMEMBER, json=rows).json()
    assert answer["version"] == 2
    old, new, twice = answer["predictions"]
    assert (old["score"], old["version"], old["repeated"]) == (first["score"], 1, True)
    assert "repeated" not in new
    assert "version" not in new
    assert (twice["score"], twice["repeated"], "version" in twice) == (new["score"], True, False)
    assert given(maker.project) == {
        ROWS[0][0]: (first["score"], 1),
        ROWS[1][0]: (new["score"], 2),
    }
    text = client.get("/metrics").text
    assert 'freshet_rows_remembered_total{row="new"} 2.0' in text
    assert 'freshet_rows_remembered_total{row="repeated"} 4.0' in text


def test_a_repeated_key_gets_the_first_answer(served: tuple[TestClient, Maker]) -> None:
    """The very bytes; another request under the key is refused."""
    client, maker = served
    key = {"Idempotency-Key": "k"}
    rows = [as_object(ROWS[0]), as_object(ROWS[1]) | {"distance": "far"}]
    first, second = (client.post(REMEMBER, json=rows, headers=key) for _ in range(2))
    assert (first.status_code, first.content) == (200, second.content)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    other = client.post(REMEMBER, json=as_object(ROWS[2]), headers=key)
    assert problem_of(other)["type"].endswith("key-used-before")
    assert set(given(maker.project)) == {ROWS[0][0]}


def test_refused_rows_are_not_appended(served: tuple[TestClient, Maker]) -> None:
    """Of many the others are; a row without an id is refused, and a single one refuses all."""
    client, maker = served
    good, bad, nameless = (as_object(row) for row in ROWS[:3])
    bad["distance"], nameless["id"] = "far", ""
    for body, how in (
        ({"json": [bad, good, nameless]}, "JSON"),
        ({"content": as_csv([ROWS[3], ["", *ROWS[4][1:]]], FEATURES), "headers": CSV}, "CSV"),
    ):
        found = client.post(REMEMBER, **body).json()["predictions"]
        reasons = [each.get("error", {}).get("reason") for each in found]
        expected = {"JSON": ["not-a-number", None, "missing-id"], "CSV": [None, "missing-id"]}
        assert reasons == expected[how]
    for row in bad, nameless:
        answer = client.post(REMEMBER, json=row)
        assert problem_of(answer)["status"] == 422
    assert set(given(maker.project)) == {ROWS[0][0], ROWS[3][0]}


def test_a_row_with_its_label_is_remembered_too(served: tuple[TestClient, Maker]) -> None:
    """It is learned when it is read, and what its caller was given is measured then."""
    client, maker = served
    row = as_object(ROWS[0]) | {"late": "1"}
    assert client.post(REMEMBER, json=row).status_code == 200
    (record,) = written(maker.project).values()
    taken = record_reader(maker.project.context).batch([record], {}).taken(0)
    assert isinstance(taken, EventRows)
    assert [(row[1], list(taken.served)) for row in taken.rows if isinstance(row, tuple)] == [
        (1, [0])
    ]


def test_a_log_that_is_away_is_told_before_anything_is_scored(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """503, and no row counts as scored; plain requests are answered."""
    client, maker = served

    def away(*_: object) -> None:
        raise LogUnavailableError("The log does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(Appender, "look", away)
        patch.setattr(Appender, "was_there", False)
        answer = client.post(REMEMBER, json=as_object(ROWS[0]))
        assert problem_of(answer)["status"] == 503
        assert "freshet_rows_scored_total 0.0" in client.get("/metrics").text
        assert client.post("/predict", json=as_object(ROWS[0])).status_code == 200
    assert client.post(REMEMBER, json=as_object(ROWS[0])).status_code == 200
    assert len(written(maker.project)) == 1


@pytest.mark.parametrize("there", [True, False])
def test_a_row_whose_append_was_not_acknowledged_keeps_its_score(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    """If it is on the log after all, the next to send it gets that score; else it is appended."""
    client, maker = served
    append = Appender.append

    def lost(*args: Any) -> Any:
        if there:
            append(*args)
        raise LogUnavailableError("Nobody knows.")

    with monkeypatch.context() as patch:
        patch.setattr(Appender, "append", lost)
        assert client.post(REMEMBER, json=as_object(ROWS[0])).status_code == 503
    answer = client.post(REMEMBER, json=as_object(ROWS[0]) | {"distance": 100}).json()
    assert answer.get("repeated", False) == there
    assert given(maker.project) == {ROWS[0][0]: (answer["score"], 1)}


def test_a_request_that_the_log_refuses_fails_alone(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that wait with it are answered, and it can be sent again."""
    client, maker = served
    append = Appender.append

    def picky(self: Any, which: Any, records: Any, partition: int) -> Any:
        if any(b'"f0"' in each.record.value for each in records):
            raise StampError("Not this one.")
        return append(self, which, records, partition)

    monkeypatch.setattr(Appender, "append", picky)

    def send(row: list[str]) -> Response:
        return client.post(REMEMBER, json=as_object(row))

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(send, ROWS[:8]))
    assert [each.status_code for each in answers] == [422] + [200] * 7
    monkeypatch.setattr(Appender, "append", append)
    assert send(ROWS[0]).json().get("repeated") is None
    assert len(given(maker.project)) == 8


def test_all_callers_of_an_id_get_one_answer_whichever_server_they_ask(tmp_path: Path) -> None:
    """Two servers of one home, eight callers of each id at once: appended once."""
    with a_client(tmp_path) as (one, maker), client_of(maker.project) as other:

        def send(at: int) -> tuple[str, float]:
            row = as_object(ROWS[at // 8]) | {"distance": 100 + at}
            answer = (one, other)[at % 2].post(REMEMBER, json=row)
            assert answer.status_code == 200, answer.text
            return row["id"], answer.json()["score"]

        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(send, range(8 * 12)))
        found = {(id_, score) for id_, (score, _) in given(maker.project).items()}
        assert set(answers) == found
        assert len(found) == 12


def test_a_claim_of_a_killed_server_is_settled_by_the_log(tmp_path: Path) -> None:
    """Killed before its append: the id is free. Killed behind it: the first score stays."""
    project = a_project(tmp_path)
    for stage, there in (("before", False), ("behind", True)):
        killed = f"""
import os, signal, sys
from pathlib import Path
from tests.support.serving.served import *
from tests.support.serving.project import flights
from serve.live.log_appender import Appender
append = Appender.append
def dies(*args):
    {"append(*args)" if there else ""}
    os.kill(os.getpid(), signal.SIGKILL)
Appender.append = dies
with a_client(Path({str(tmp_path)!r})) as (client, _):
    client.post({REMEMBER!r}, json=as_object(flights(40, seed=5)[{int(there)}]))
"""
        assert stage
        run = subprocess.run([sys.executable, "-c", killed], capture_output=True, check=False)
        assert run.returncode == -signal.SIGKILL, run.stderr
    assert set(given(project)) == {ROWS[1][0]}
    with a_client(tmp_path) as (client, _):
        first, second = (
            client.post(REMEMBER, json=as_object(row) | {"distance": 99}).json() for row in ROWS[:2]
        )
        assert ("repeated" in first, second["repeated"]) == (False, True)
        assert given(project)[ROWS[0][0]][0] == first["score"]
        assert given(project)[ROWS[1][0]][0] == second["score"]


def test_a_server_that_still_works_on_an_id_is_waited_for(
    served: tuple[TestClient, Maker], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are answered meanwhile; when it has the row on the log, its score is the answer."""
    client, maker = served
    home, topic = maker.project.settings.home, "flights.events"
    client.post(REMEMBER, json=as_object(ROWS[9]))
    digest, book = answered_ids.digest_of(topic, ROWS[0][0]), GivenScores(home, 10**9)
    now = remembering._now()
    claim = answered_ids.Given(0.25, 1, 3, now, now, "another.0", 0, 0, answered_ids.this_process())
    with book.change():
        book.claim({digest: claim}, now)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(client.post, REMEMBER, json=as_object(ROWS[0]))
        assert client.post(REMEMBER, json=as_object(ROWS[1])).status_code == 200
        sleep(0.1)
        assert not waiting.done()
        with book.change():
            book.finish([digest])
        answer = waiting.result().json()
    assert (answer["score"], answer["repeated"]) == (0.25, True)
    book.close()


def test_ids_are_forgotten_as_they_get_old_or_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many as come are forgotten at once, so that the file stays bounded."""
    monkeypatch.setattr(answered_ids, "MOST_GIVEN", 50)
    book = GivenScores(tmp_path, kept_ms=1_000)
    owner = answered_ids.this_process()

    def claim(first: int, time: int) -> None:
        each = range(first, first + 20)
        one = answered_ids.Given(0.5, 1, 1, 1, time, "c", 0, 0, owner)
        with book.change():
            book.claim({b"%d" % at: one for at in each}, time)

    def known() -> list[int]:
        with book.change():
            return sorted(map(int, book.find([b"%d" % at for at in range(500)])))

    for first in range(0, 200, 20):
        claim(first, 5)
    assert known() == list(range(150, 200))
    claim(200, 2_000)
    claim(220, 2_000)
    assert known() == list(range(200, 240))
    book.close()


def test_always_remembers_every_row(tmp_path: Path) -> None:
    """Without the parameter, and a request that says otherwise is refused."""
    with a_client(tmp_path, more='[serve]\nremember = "always"\n') as (client, maker):
        assert client.post("/predict", json=as_object(ROWS[0])).status_code == 200
        answer = client.post("/predict?remember=false", json=as_object(ROWS[1]))
        assert problem_of(answer)["status"] == 400
        assert set(given(maker.project)) == {ROWS[0][0]}


def test_callers_need_both_scopes(tmp_path: Path) -> None:
    """Once there are tokens that may append, scoring alone does not let anybody remember."""
    tokens = file_of(a_project(tmp_path).settings)
    headers = [
        {"Authorization": f"Bearer {tokens.add(name, scopes, None)[1]}"}
        for name, scopes in (("s", ["score"]), ("i", ["ingest"]), ("b", ["score", "ingest"]))
    ]
    with a_client(tmp_path) as (client, maker):
        statuses = [
            client.post(REMEMBER, json=as_object(row), headers=each).status_code
            for row, each in zip(ROWS, [{}, *headers], strict=False)
        ]
        assert statuses == [401, 403, 403, 200]
        page = headers[2] | {"Origin": "https://elsewhere.example.com"}
        answer = client.post(REMEMBER, json=as_object(ROWS[4]), headers=page)
        assert problem_of(answer)["type"].endswith("foreign-page")
        plain = client.post("/predict", json=as_object(ROWS[0]), headers=headers[0])
        assert plain.status_code == 200
        assert set(given(maker.project)) == {ROWS[3][0]}
