"""The plain script with river's logistic regression instead of Vowpal Wabbit.

The same consumer and the same features: a category is a feature of value 1, a number is scaled as
it comes. Run as a process of its own: python -m benchmarks.plain_river SERVERS TOPIC ROWS
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from river import linear_model, preprocessing

from benchmarks.data import COLUMNS, NUMERIC
from benchmarks.plain_script import Row, learned


def with_river() -> Callable[[Row], float]:
    """River row by row."""
    scaler, model = preprocessing.StandardScaler(), linear_model.LogisticRegression()
    categories = [name for name in COLUMNS[2:] if name not in NUMERIC]

    def learn(row: Row) -> float:
        numbers = {name: float(row[name]) for name in NUMERIC}
        scaler.learn_one(numbers)
        features = scaler.transform_one(numbers)
        features.update((f"{name}={row[name]}", 1.0) for name in categories)
        score: float = model.predict_proba_one(features)[True]
        model.learn_one(features, row["late"] == "1")
        return score

    return learn


if __name__ == "__main__":
    learned(sys.argv[1], sys.argv[2], int(sys.argv[3]), with_river())
