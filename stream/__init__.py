"""Third floor: from a log of events to a learner that scores, joins late labels and learns.

An event passes ``log`` (over ``log_kafka`` or ``log_sqlite``), ``reading``, ``fold`` (over
``joins``) and ``checkpoints``; ``learner`` drives it. ``produce``, ``backfill`` and
``dead_letters`` are the other ways in and out; ``commands`` has the command line.
"""
