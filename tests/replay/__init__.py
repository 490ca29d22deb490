"""A bad night in real processes: flights are poisoned, learned, and left out by a replay."""
