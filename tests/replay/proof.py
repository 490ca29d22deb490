"""The poison test: a replay's end is that of a learner who had never read what was left out.

``python -m tests.replay.proof --flights 327346`` runs a night and prints its figures; ``--kills N``
kills the learner, now and then the server, so many times while it replays.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from converters.config import load
from converters.schema import schema
from learners.registry import Registry
from learners.registry.row_types import Checkpoint, Rollback
from learners.versions.score_file import scores_of
from learners.versions.served_learner import loaded
from stream.fold.outputs import read_scores
from stream.log import journal
from stream.open_log import opened
from stream.reading.conversion import record_reader
from stream.resolved_config import resolve
from tests.replay.night import AHEAD, KINDS, Client, Night, ended, free_port, killed, poisoned
from tests.replay.plain_fold import folded

HOUR = timedelta(hours=1)


@dataclass
class Found:
    """What a night came to."""

    figures: dict[str, Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def check(self, name: str, *, good: bool, said: object = "") -> None:
        """Note what is not as it should be."""
        self.figures[name] = "yes" if good else f"NO {said}"
        if not good:
            self.wrong.append(f"{name}: {said}")


def night(folder: Path, kind: str, flights: int, kills: int, seed: int) -> Found:
    """One bad night."""
    draw, made, found = random.Random(seed), Night(folder, kind, flights), Found()
    rows = made.rows()
    first = int(len(rows) * draw.uniform(0.35, 0.5))
    last = first + int(len(rows) * draw.uniform(0.04, 0.12))
    before, bad, after = rows[:first], poisoned(rows[first:last]), rows[last:]
    held, new = after[: len(after) * 3 // 4], after[len(after) * 3 // 4 :]
    since, until = (
        datetime.fromisoformat(part[at]["scheduled"]).astimezone(UTC) - timedelta(seconds=AHEAD)
        for part, at in ((bad, 0), (after, 0))
    )
    learner = made.start("learn")
    half = len(before) // 2
    for part in (before[:half], [*before[half:], *bad, *held]):
        made.produce(part)
        time.sleep(1)
        made.wait(made.has_learned_all)
    with serving(made, free_port()) as client:
        span = f"{since:%Y-%m-%dT%H:%MZ}..{until:%Y-%m-%dT%H:%MZ}"
        # Under "negative" an event whose label is left out would be learned in the plain fold.
        topics = ["events"] if kind == "negative" else ["events", "labels"]
        skip = [word for topic in topics for word in ("--skip-time", topic, span)]
        began = time.monotonic()
        version = rolled_back(made, "--learner", "replay", *skip)
        found.figures["asked within, s"] = round(time.monotonic() - began, 2)
        made.produce(new)
        learner, found.figures["kills"] = replayed(made, learner, kills, draw)
        found.figures["caught up after, s"] = round(time.monotonic() - began, 1)
        time.sleep(1)
        made.wait(made.has_learned_all)
    ended(learner)
    judge(made, found, client, version)
    return found


def rolled_back(made: Night, *how: str) -> int:
    """Look what there is to go back to, and go back; the version."""
    said = json.loads(made.run("rollback", "1", *how, "--preview", "--json"))
    version = int(said["newest_clean"])
    made.run("rollback", str(version), *how, "--reason", "a shifted column")
    return version


@contextmanager
def serving(made: Night, port: int) -> Iterator[Client]:
    """Two server processes, and a client that asks them all the time."""
    server = made.start("serve", "--port", str(port))
    left_out = ("id", "late", "landed")
    asked = [
        {name: value for name, value in row.items() if name not in left_out}
        for row in made.rows()[:200]
    ]
    client = Client(port, asked)
    try:
        made.wait(lambda: answers(port))
        with client.asking():
            yield client
    finally:
        ended(server)


def answers(port: int) -> bool:
    """Whether a server is ready."""
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
            return True
    except OSError:
        return False


def replayed(
    made: Night, learner: subprocess.Popen[bytes], kills: int, draw: random.Random
) -> tuple[subprocess.Popen[bytes], int]:
    """Wait until it is done, killing the learner at most so many times; who runs, and how many."""
    count = 0
    while count < kills:
        time.sleep(draw.uniform(0.05, 2.5))
        if rollback_of(made).state == "done":
            break
        killed(learner)
        learner, count = made.start("learn"), count + 1
    made.wait(lambda: rollback_of(made).state == "done")
    return learner, count


def rollback_of(made: Night) -> Rollback:
    """The newest."""
    with made.registry() as registry:
        return registry.rollbacks.all()[-1]


def judge(made: Night, found: Found, client: Client, version: int) -> None:
    """Compare the end with a plain fold, the outputs with the input, answers with versions."""
    settings = load.load(made.folder / "freshet.toml")
    with made.registry() as registry, closing(opened(settings)) as log:
        live, point = registry.versions.live_lineage(), registry.versions.resume_point()
        assert live is not None
        assert point is not None
        ids = Counter(score.id for score in read_scores(journal.records(log, "flights.scores")))
        twice = [name for name, times in ids.items() if times > 1]
        found.check("each flight scored once", good=not twice, said=twice[:3])
        found.check("all flights scored", good=len(ids) == made.flights, said=len(ids))
        model, measures, _ = folded(made, log, registry, live)
        found.check("model as of a log without it", good=model == point.model_sha256)
        pairs = [(measures[name], point.metrics[name]) for name in ("log_loss", "auc")]
        equal = all(one == other for one, other in pairs)
        found.check("measures as of a log without it", good=equal, said=pairs)
        again = json.loads(made.run("backfill", "log", "--json"))
        found.check("the journal gives the same", good=again["model_sha256"] == point.model_sha256)
        found.check("requests failed: none", good=not client.failed, said=client.failed[:3])
        wrong = unlike(registry, settings, client)
        found.check("answers as their versions give", good=not wrong, said=wrong[:3])
        found.figures["answers"] = sum(map(len, client.answers.values()))
        found.figures |= figures(registry, version, point)


def figures(registry: Registry, version: int, point: Checkpoint) -> dict[str, Any]:
    """What the model was worth before, poisoned and after, and how quickly it was read again."""
    done = registry.rollbacks.all()[-1]
    before, tip = registry.versions.find(version), registry.versions.find(done.tip or 0)
    named = {"before": before, "poisoned": tip, "after": point}
    started = next(e.at for e in registry.ledger.entries() if e.action == "replay")
    assert done.ended_at is not None
    seconds = (done.ended_at - started).total_seconds()
    rows = sum(tip.events[name] - before.events[name] for name in ("events", "labels"))
    return {f"AUC {n}": round(of.metrics["window"]["auc"], 4) for n, of in named.items()} | {
        "quarantined": [point.events[f"{of}quarantined"] for of in ("", "labels_")],
        "replay, rows": rows,
        "replay, s": round(seconds, 1),
    }


def unlike(registry: Any, settings: Any, client: Client) -> list[str]:
    """The answers that are not what the version that they name gives."""
    wrong = []
    rows = client.asked
    context = resolve(settings, schema.from_settings(settings))
    names = context.schema.names
    cells = [[row.get(name, "") for name in names] for row in rows]
    texts = record_reader(context).rows.convert_rows(cells)
    for number, answers_ in client.answers.items():
        with loaded(settings, registry.versions.find(number)) as learner:
            scores = cast("list[float]", scores_of(learner, texts))
        wrong += [
            f"version {number}, row {at}: {score!r}, not {scores[at]!r}"
            for at, score in answers_
            if abs(score - scores[at]) > 1e-9
        ]
    return wrong


def main() -> int:
    """Run nights, and print what they came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flights", type=int, default=20_000)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    wrong = 0
    for kind in asked.kinds:
        with tempfile.TemporaryDirectory() as folder:
            found = night(Path(folder), kind, asked.flights, asked.kills, asked.seed)
        print(kind, json.dumps(found.figures), flush=True)  # noqa: T201
        wrong += len(found.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
