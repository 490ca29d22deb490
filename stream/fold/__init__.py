"""The fold: batches in; scores, labelled examples and dead letters out. No log, no clock.

Begin with ``pipeline``. It lets ``row_planner`` (``record_planner`` for plain records) write a
``plan``, ``scoring`` carries it out with ``shadows`` and ``slices``, ``outputs`` makes the records
to write, ``run_report`` the counts and measures.
"""
