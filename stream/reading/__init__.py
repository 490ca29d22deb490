"""Records to batches: ``batch_source`` gives them, read here or in another process.

Records pass ``merge`` (the one order), ``left_out`` (with ``corrections``) and ``conversion``:
``gathering`` makes blocks, ``record_reader`` is its plain twin. ``assignment`` lists what to read;
``reader_main`` and ``reader_process`` exchange ``batch_messages`` under a ``watchdog``.
"""
