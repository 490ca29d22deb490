"""Records to batches: ``batch_source`` gives them, read here or in another process.

Records pass ``merge`` (the one order) and ``conversion``: ``gathering`` makes blocks, and
``record_reader`` is its plain twin; ``left_out`` takes out what is in quarantine, and
``corrections`` are taken in its place. ``assignment`` lists what to read. ``reader_main`` runs in the
reader, ``reader_process`` in the learner, ``batch_messages`` go between them under a ``watchdog``.
"""
