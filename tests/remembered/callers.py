"""Callers of ``/predict?remember=true``, who ask until they are answered; labels; and forgers."""

from __future__ import annotations

import hmac
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from queue import Empty, SimpleQueue
from typing import Any
from zlib import crc32

from stream.log.contract import Outgoing
from stream.log.topics import create_topics
from tests.support.serving.project import Project
from tests.support.serving.served import written

CALLERS = 24
HISTORY = 400
FORGERIES = 7
# Labels are told of so many events at once; those of the last so many come later.
MOST_LABELS, LATE = 250, 100
# A request that waits for a log that is locked is answered 503 before that, and sent again.
SECONDS = 15.0


def label_of(id_: str) -> int:
    """What happened in the end."""
    return int(crc32(id_.encode()) % 3 == 0)


def row_of(id_: str, draw: random.Random) -> dict[str, Any]:
    """An event as a caller sends it, without a time: it is stamped when it is appended."""
    return {
        "id": id_,
        "carrier": draw.choice("AB") + draw.choice("XYZ"),
        "origin": draw.choice(("JFK", "LGA", "EWR")),
        "hour": str(draw.randrange(24)),
        "distance": draw.randrange(80, 3000),
    }


@dataclass
class Run:
    """One proof.

    Attributes:
        answers: score and version by id, as the first caller got them.
        wrong: what is not as it should be.
        figures: what the run came to.
    """

    project: Project
    port: int
    requests: int
    seed: int
    answers: dict[str, tuple[float, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    labels: SimpleQueue[str | None] = field(default_factory=SimpleQueue)

    def check(self, name: str, found: object, expected: object) -> None:
        """Note a difference."""
        good = found == expected
        self.figures[name] = found if good else f"WRONG: {found}, expected {expected}"
        if not good:
            self.wrong.append(f"{name}: {found}, expected {expected}")


class Caller:
    """Sends requests over one connection, again and again until each is answered."""

    def __init__(self, run: Run, number: int) -> None:
        self.run, self.draw = run, random.Random(run.seed * 1000 + number)
        self.connection: HTTPConnection | None = None

    def answer(self, path: str, body: object, headers: dict[str, str]) -> Any:
        """The answer 200 or 202, whatever happens until then."""
        while True:
            try:
                if self.connection is None:
                    self.connection = HTTPConnection("127.0.0.1", self.run.port, timeout=SECONDS)
                said = {"Content-Type": "application/json", **headers}
                self.connection.request("POST", path, json.dumps(body), said)
                response = self.connection.getresponse()
                content = json.loads(response.read())
            except (OSError, HTTPException) as error:
                self._again(type(error).__name__)
                continue
            if response.status in (200, 202):
                return content
            assert response.status in (503, 408, 409), content
            self._again(str(response.status))

    def _again(self, why: str) -> None:
        self.run.retries[why] += 1
        self.close()
        time.sleep(self.draw.uniform(0.02, 0.2))

    def close(self) -> None:
        """Close the connection."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def remember(self, ids: list[str]) -> None:
        """Have rows remembered, as one or as many; and now and then an earlier one again."""
        run, draw, key = self.run, self.draw, {}
        if draw.random() < 0.1:
            key = {"Idempotency-Key": ids[0]}
        rows: Any = [row_of(id_, draw) for id_ in ids]
        given = self.answer("/predict?remember=true", rows[0] if len(rows) == 1 else rows, key)
        each = given["predictions"] if len(rows) > 1 else [given]
        for id_, found in zip(ids, each, strict=True):
            run.answers[id_] = found["score"], found.get("version", given["version"])
            run.repeated += found.get("repeated", False)
            run.labels.put(id_)
        if draw.random() < 0.05:
            again = draw.choice(list(run.answers)) if len(run.answers) < 5000 else ids[0]
            given = self.answer("/predict?remember=true", row_of(again, draw), {})
            if (given["score"], given["version"], given["repeated"]) != (*run.answers[again], True):
                run.wrong.append(f"{again} was given {run.answers[again]}, then {given}")


def call(run: Run) -> None:
    """All callers, until every row is answered."""
    ids: SimpleQueue[list[str]] = SimpleQueue()
    draw, at = random.Random(run.seed), 0
    while at < run.requests:
        many = min(1 if draw.random() < 0.9 else draw.randrange(2, 12), run.requests - at)
        ids.put([f"r{number}" for number in range(at, at + many)])
        at += many

    def work(number: int) -> None:
        with closing(Caller(run, number)) as caller, suppress(Empty):
            while True:
                caller.remember(ids.get_nowait())

    with ThreadPoolExecutor(CALLERS) as threads:
        for done in [threads.submit(work, number) for number in range(CALLERS)]:
            done.result()


def tell_labels(run: Run) -> None:
    """Labels come some time after the answers, many at a time."""
    waiting, ended = list[str](), False
    while not ended or waiting:
        with suppress(Empty):
            while not ended and len(waiting) < MOST_LABELS:
                id_ = run.labels.get(timeout=0.2)
                ended = id_ is None
                waiting += [] if id_ is None else [id_]
        told, waiting = (waiting, []) if ended else (waiting[:-LATE], waiting[-LATE:])
        for first in range(0, len(told), 500):
            some = told[first : first + 500]
            body = [{"id": id_, "label": str(label_of(id_))} for id_ in some]
            with closing(Caller(run, first)) as caller:
                caller.answer("/labels", body, {})  # one that is sent again is a repeat


def forge(run: Run, count: int) -> int:
    """Records with headers that no server wrote; how many there are."""
    known = [each for each in written(run.project).values() if len(each.headers) > 2]
    if not known:
        return 0
    draw, made = random.Random(run.seed), list[Outgoing]()
    for number in range(count):
        real = draw.choice(known)
        value = json.dumps(row_of(f"forged{number}", draw)).encode()
        others = tuple(each for each in real.headers if not each[0].startswith("freshet-served"))
        said = dict(real.headers)["freshet-served"]
        kind = number % 3
        if kind == 0:  # moved to another row
            headers = real.headers
        elif kind == 1:  # another score, signed by another key
            said = said.replace(b'"scores":[0.', b'"scores":[0.9')
            other = hmac.new(b"?" * 32, said + value, sha256).hexdigest().encode()
            headers = (*others, ("freshet-served", said), ("freshet-served-signature", other))
        else:  # no signature
            headers = (*others, ("freshet-served", said))
        made.append(Outgoing(value, None, headers))
    with run.project.open_log() as event_log:
        topic = create_topics(event_log, run.project.settings).events
        for first in range(0, count, 100):
            event_log.append(topic, made[first : first + 100])
    for number in range(count):
        run.labels.put(f"forged{number}")
    return count
