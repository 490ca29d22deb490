"""Metrics of plain arrays of scores and labels, the same to the bit on every machine.

``arrays`` checks and sums; ``metrics`` holds the areas, losses and bins, each a small function.
"""
