"""Write docs/example/loans.csv, invented loans that the README's commands run on.

python -m docs.make_example
"""

from __future__ import annotations

import csv
import math
import random
from datetime import datetime, timedelta
from pathlib import Path

FILE = Path(__file__).parent / "example" / "loans.csv"
ROWS = 3_000
PURPOSES = ("car", "home improvement", "debt consolidation", "holiday", "business")


def rows() -> list[list[object]]:
    """Loans in order of application; whether they defaulted is known months later."""
    draw = random.Random(2025)  # noqa: S311  # invented loans, not secrets
    applied = datetime(2024, 1, 1, 8)  # noqa: DTZ001  # the file's times are UTC and say no zone
    loans: list[list[object]] = []
    for number in range(ROWS):
        applied += timedelta(minutes=draw.randrange(5, 300))
        amount = round(draw.lognormvariate(9, 0.7), -2)
        income = round(draw.lognormvariate(10.6, 0.4), -2) if draw.random() > 0.04 else ""
        grade, purpose = draw.choice("AAABBBCCDE"), draw.choice(PURPOSES)
        term = draw.choice((24, 36, 60))
        burden = math.log(float(amount) / float(income or 40_000))
        odds = -1.2 + 0.8 * "ABCDE".index(grade) + 0.9 * burden + 0.02 * (term - 36)
        odds += 0.7 * (purpose == "business")
        defaulted = draw.random() < 1 / (1 + math.exp(-odds))
        settled = applied + timedelta(days=draw.randrange(30, 180))
        times = (applied.isoformat(sep=" "), settled.isoformat(sep=" "))
        loan = f"L{number:05d}"
        known = "yes" if defaulted else "no"
        loans.append([loan, times[0], amount, term, purpose, grade, income, times[1], known])
    return loans


if __name__ == "__main__":
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        names = ("amount", "term", "purpose", "grade", "income", "settled", "defaulted")
        writer.writerow(("loan", "applied", *names))
        writer.writerows(rows())
