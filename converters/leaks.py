"""When a column tells the classes apart too well to be true: what init and check agree on.

A leak is a column that is known only when the label is, such as a flight's arrival time. Learned
from, it makes numbers in testing wonderful and predictions worthless. How well a column does is
measured by :mod:`converters.check.suspects`.
"""

from __future__ import annotations

# Fewer labels of a class say nothing about how well a column tells them apart.
FEWEST_OF_A_CLASS = 10

# What honest columns do not reach alone; the classes' rate per value fits the sample more closely
# than a rank does, so more is asked of it. The delay at departure tells late arrivals with .90.
SUSPECT_RANK_AUC = 0.85
SUSPECT_RATE_AUC = 0.9
