"""How soon a rollback is served: two server processes, a client that asks all the time.

``python -m tests.replay.moves --times 100`` rolls back to random versions at random moments, and
tells when the last answer was given that names another version.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from tests.replay.night import Client, Night, ended, free_port
from tests.replay.proof import serving

# How long answers are looked at after each.
LOOK_SECONDS = 1.5


def moved(made: Night, port: int, client: Client, version: int) -> float:
    """Roll back; the seconds until no answer names another version."""
    token = (made.folder / ".freshet" / "admin.token").read_text(encoding="utf-8").strip()
    body = json.dumps({"version": version, "reason": "look"}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    url = f"http://127.0.0.1:{port}/rollback"
    began = time.monotonic()
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert json.loads(answer.read())["serving"] == version
    time.sleep(LOOK_SECONDS)
    others = [at for at, named in list(client.seen) if at >= began and named != version]
    return max(others, default=began) - began


def main() -> int:
    """Measure, and print the percentiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=100)
    asked = parser.parse_args()
    draw = random.Random(5)
    with tempfile.TemporaryDirectory() as folder:
        made, port = Night(Path(folder)), free_port()
        learner = made.start("learn")
        made.produce(made.rows())
        time.sleep(1)
        made.wait(made.has_learned_all)
        with made.registry() as registry:
            numbers = [found.version for found in registry.versions.all()]
        seconds = []
        with serving(made, port) as client:
            for _ in range(asked.times):
                time.sleep(draw.uniform(0, 0.3))
                seconds.append(moved(made, port, client, draw.choice(numbers)))
        ended(learner)
    seconds.sort()
    found = {
        "rollbacks": len(seconds),
        "median, s": round(seconds[len(seconds) // 2], 3),
        "p99, s": round(seconds[int(len(seconds) * 0.99) - 1], 3),
        "longest, s": round(seconds[-1], 3),
        "answers": len(client.seen),
        "failed": client.failed[:3],
    }
    print(json.dumps(found))  # noqa: T201
    return 1 if client.failed or seconds[-1] > 1 else 0


if __name__ == "__main__":
    sys.exit(main())
