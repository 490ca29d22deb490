"""The pieces of cells: what each column of a schema writes for a cell, and remembers of it.

``column_memory`` has the columns, each with a dictionary of strings; ``piece_table`` looks the
bytes of many cells up at once; ``time_pieces`` and ``hour_column`` are about times.
"""
