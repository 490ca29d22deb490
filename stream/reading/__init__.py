"""Records to batches: ``batch_source`` gives a learner its batches, here or from another process.

Records pass ``merge`` (the one order) and ``conversion``; ``assignment`` lists what to read. With
two processes ``reader_main`` runs in the reader, ``reader_process`` in the learner, and
``batch_messages`` go between them; ``watchdog`` detects a call that hangs.
"""
