"""Records to batches: ``batch_source`` gives a learner its batches, here or from another process.

Records pass ``merge`` (the one order) and ``conversion``; ``assignment`` says what to read. In two
processes ``reader_main`` runs in the reader, ``reader_process`` at the learner's end, and
``batch_messages`` travel between; ``watchdog`` notices a call that hangs.
"""
