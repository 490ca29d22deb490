"""Who is better, by how much, and how surely: two scores of the same lessons set side by side.

Stands behind the measures, which keep the scores of recent lessons, and before the reports, which
print what is found.
"""

from learners.comparison.bootstrap import BlockBootstrap, Interval
from learners.comparison.compare import Comparison, Difference, compare
from learners.comparison.delong import paired_delong

__all__ = [
    "BlockBootstrap",
    "Comparison",
    "Difference",
    "Interval",
    "compare",
    "paired_delong",
]
