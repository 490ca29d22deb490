"""Walks at random: ``python -m tests.replay.walks --walks 300 --seed 1``."""

from __future__ import annotations

import argparse
import gc
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.replay.walks.walk import STEPS, Walk


def main() -> int:
    """Walk so often, and print what was done; a walk that fails is told with its seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--walks", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=STEPS)
    asked = parser.parse_args()
    done: Counter[str] = Counter()
    failed, began = 0, time.monotonic()
    for seed in range(asked.seed, asked.seed + asked.walks):
        with tempfile.TemporaryDirectory() as folder:
            walk = Walk(Path(folder), seed, asked.steps)
            try:
                walk.run()
            except Exception:
                failed += 1
                traceback.print_exc()
                print(f"walk {seed} failed:", *walk.told, sep="\n  ", flush=True)  # noqa: T201
        done += walk.done
        del walk
        gc.unfreeze()  # the learner freezes what is there, and hundreds of walks take gigabytes
        gc.collect()
        print(f"walk {seed}", flush=True)  # noqa: T201
    seconds = round(time.monotonic() - began)
    print(f"{asked.walks} walks, {failed} failed, {seconds} s: {dict(done)}")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
