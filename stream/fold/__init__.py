"""The fold: batches in; scores, labelled examples and dead letters out. No log, no clock.

Begin with ``pipeline``. ``run_planner`` writes a ``plan``, for unclear ``row_fates`` through
``row_planner``; ``scoring`` executes it with ``shadows``, ``slices`` and ``pinned``; ``outputs``
makes the records to write, ``run_report`` the counts and measures.
"""
