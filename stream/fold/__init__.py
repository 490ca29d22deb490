"""The fold: batches in; scores, labelled examples and dead letters out. No log, no clock.

Begin with ``pipeline``. ``row_planner`` (``record_planner`` for plain records) writes a
``plan``, ``scoring`` executes it with ``shadows``, ``slices`` and ``pinned``, ``outputs`` makes the
records to write, ``run_report`` the counts and measures.
"""
