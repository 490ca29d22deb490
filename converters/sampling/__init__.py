"""Rows drawn from a file, and statistics of its columns.

``reservoir`` draws rows in bounded memory; ``file_sample`` holds those of a file for ``init``, and
``column_sample`` one column of it. ``sketches`` estimates counts; ``drift`` and ``leak_suspects``
judge a column.
"""
