"""Bytes to rows, and results to files.

``csv_file`` opens a file: ``compressed`` or not, in any encoding, or ``parquet`` read as CSV.
``block_reader`` cuts it into blocks of rows, ``framing`` rows into cells. ``output`` writes, and
``private`` keeps files from other users.
"""
