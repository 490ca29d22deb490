"""Remembered requests, end to end: kept through kills, and told in every view."""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.remembered.proof import proof
from tests.support.serving.command import freshet
from tests.support.serving.project import Project, flights
from tests.support.serving.served import as_object, client_of

# Of so many ``python -m tests.remembered.proof`` takes minutes.
REQUESTS = int(os.environ.get("REMEMBERED_REQUESTS", "2500"))


def test_each_event_is_there_once_with_the_score_of_its_answer(tmp_path: Path) -> None:
    """Servers, learner and log are killed, headers forged: measured as a plain loop finds it."""
    run = proof(tmp_path, REQUESTS, every=3.0, seed=REQUESTS)
    assert run.wrong == []
    assert run.kills


def test_every_view_tells_of_what_callers_were_given(tmp_path: Path) -> None:
    """Report, page, JSON, comparison, status, metrics and the state that the dashboard shows."""
    project, rows = Project(tmp_path, args="-b 12"), flights(400)
    project.produce(project.write_csv(rows[:250]))
    project.learn()
    with client_of(project) as client:
        for row in rows[250:]:
            assert client.post("/predict?remember=true", json=as_object(row)).status_code == 200
        labels = [{"id": row[0], "label": row[2], "time": row[7]} for row in rows[250:]]
        assert client.post("/labels", json=labels).status_code == 202
        report = project.learn()
        given = report["contenders"]["served"]
        assert (given["count"], report["remembered"]["lag"]["count"]) == (150, 150)
        metrics = client.get("/metrics").text
        assert 'freshet_log_loss{learner="served",over="all"}' in metrics
        for name in ('examples{of="mean"}', 'seconds{of="max"}'):
            assert f"freshet_served_lag_{name}" in metrics
        assert 'freshet_shadow_failed{shadow="served"}' not in metrics
        state = client.get("/status").json()["metrics"]
        assert state["contenders"]["served"]["count"] == state["remembered"]["lag"]["count"] == 150
    sentence = f"that have their label ('served'): log loss {given['log_loss']:.4f}"
    freshet("report", "--html", "page.html", cwd=tmp_path)
    said = " ".join(freshet("report", cwd=tmp_path).stdout.split())
    assert "served (given over HTTP)" in said
    assert sentence in said
    assert sentence in (tmp_path / "page.html").read_text(encoding="utf-8").replace("&#x27;", "'")
    document = json.loads(freshet("report", "--json", cwd=tmp_path).stdout)
    assert document["remembered"] == report["remembered"]
    assert document["measures"]["contenders"]["served"]["score_log_loss"] is not None
    assert sentence in " ".join(freshet("status", cwd=tmp_path).stdout.split())
    compared = json.loads(freshet("compare", "--against", "served", "--json", cwd=tmp_path).stdout)
    (comparison,) = compared["comparisons"]
    assert comparison["count"] == 150
    assert "the score that callers were given over HTTP" in comparison["words"]
