"""The fold: batches in; scores, labelled examples and dead letters out. No log, no clock.

Begin with ``pipeline``. ``run_planner`` writes a ``plan`` of many records at once, where
``row_fates`` finds that it can, and ``row_planner`` of the others; ``scoring`` executes it with
``shadows``, ``slices`` and ``pinned``, ``outputs`` makes the records to write, ``run_report`` the
counts and measures.
"""
