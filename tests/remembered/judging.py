"""Whether what was measured is what callers were given: by plain code, from the log alone."""

from __future__ import annotations

import hmac
import json
from contextlib import closing
from hashlib import sha256
from math import isclose, log
from typing import Any

from learners.registry import Registry
from learners.versions.served_learner import loaded
from stream.log.contract import Record
from stream.reading.conversion import record_reader
from tests.remembered.callers import HISTORY, Run, label_of
from tests.support.serving.served import written


def believed(run: Run) -> dict[str, tuple[float, dict[str, Any]]]:
    """Score and header by id of every record with a right signature, by plain code."""
    key = bytes.fromhex((run.project.settings.home / "served.key").read_text())
    found: dict[str, tuple[float, dict[str, Any]]] = {}
    for record in written(run.project).values():
        headers = dict(record.headers)
        if "freshet-served" not in headers or not right(record, headers, key):
            continue
        said = json.loads(headers["freshet-served"])
        rows = json.loads(record.value)
        rows = rows if isinstance(rows, list) else [rows]
        for row, score in zip(rows, said["scores"], strict=True):
            if row["id"] in found:
                run.wrong.append(f"{row['id']} is on the log twice")
            found[row["id"]] = score, said
    return found


def right(record: Record, headers: dict[str, bytes], key: bytes) -> bool:
    """Whether the signature is the key's."""
    parts = [record.place.topic.encode(), headers["freshet-served"]]
    for name, held in record.headers:
        if not name.startswith("freshet-served"):
            parts += [name.encode(), held]
    whole = b"".join(len(part).to_bytes(8, "big") + part for part in (*parts, record.value))
    signature = hmac.new(key, whole, sha256).hexdigest().encode()
    return signature == headers.get("freshet-served-signature")


def judge(run: Run, forged: int) -> None:
    """Compare what is on the log and what was measured with what callers were given."""
    given, project = believed(run), run.project
    run.check("rows remembered", len(given), run.requests)
    differing = [
        id_
        for id_, (score, version) in run.answers.items()
        if id_ not in given or (given[id_][0], given[id_][1]["version"]) != (score, version)
    ]
    run.check("rows with another score than their caller's", len(differing), 0)
    report = project.learn()
    behind = {score.id: score.lessons for score in project.scores()}
    contender, lag = report["contenders"]["served"], report["remembered"]["lag"]
    losses, squares = 0.0, 0.0
    for id_, (score, _) in run.answers.items():
        right_ = score if label_of(id_) else 1 - score
        losses -= log(min(max(right_, 1e-7), 1 - 1e-7))
        squares += (score - label_of(id_)) ** 2
    run.check("events measured", contender["count"], run.requests)
    for name, total in (("log_loss", losses), ("brier", squares)):
        plain = total / run.requests
        same = isclose(contender[name], plain, rel_tol=0, abs_tol=1e-9)
        run.check(f"{name} is the plain one to 1e-9", same, True)
        run.figures[f"served {name}"] = contender[name]
    run.figures["learner's log loss on them"] = contender["score_log_loss"]
    lags = [behind[id_] - said["learned"] for id_, (_, said) in given.items()]
    ages = [said["time"] - said["made"] for _, said in given.values()]
    run.check("lag in examples", (lag["lessons_sum"], lag["lessons_max"]), (sum(lags), max(lags)))
    run.check("lag in ms", (lag["ms_sum"], lag["ms_max"]), (sum(ages), max(ages)))
    run.figures["mean lag"] = f"{lag['lessons_mean']:.0f} examples, {lag['seconds_mean']:.2f} s"
    run.check("forged headers ignored", report["remembered"]["ignored"].get("forged", 0), forged)
    run.check("events", report["events"], run.requests + HISTORY + forged)
    run.check("duplicates", report["duplicates"], 0)
    run.check("learned", report["learned"], run.requests + HISTORY + forged)
    versions = {version for _, version in run.answers.values()}
    run.figures["versions that answered"] = len(versions)
    again = project.backfill()
    for name in ("model_sha256", "remembered", "contenders"):
        run.check(f"a backfill of the log has the same {name}", again[name] == report[name], True)
    scored_again(run)


def scored_again(run: Run) -> None:
    """What was given by versions whose files are still there, scored again by them."""
    settings, rows = run.project.settings, record_reader(run.project.context).rows
    by: dict[int, list[tuple[str, float]]] = {}
    texts = {}
    for record in written(run.project).values():
        if any(name == "freshet-served" for name, _ in record.headers):
            for row in rows.events(record.value, record.headers):
                texts[row[0]] = row[2]
    for id_, (score, version) in run.answers.items():
        by.setdefault(version, []).append((texts[id_], score))
    checked = differing = 0
    with closing(Registry(settings.registry, settings.model)) as registry:
        kept = [each for each in registry.versions.all() if each.state == "verified"]
        for each in kept:
            asked = by.get(each.version or 0, [])
            with loaded(settings, each) as learner:
                found = learner.predict([text for text, _ in asked])
            differing += sum(a != b for a, (_, b) in zip(found, asked, strict=True))
            checked += len(found)
    run.check("scores that their version does not give", differing, 0)
    run.figures["scored again by their version"] = checked
