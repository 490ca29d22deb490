"""What ``freshet check`` reports of a file: one pass over its rows, then words, JSON or a page.

A row's way: :mod:`.cell_blocks` has the file's cells and :mod:`.profile` hands them to the very
converter, to the counts of each column (:mod:`.column_counts`, :mod:`.tally`), to a sample of rows
(:mod:`.row_sample`) and to what looks for repeats (:mod:`.sketches`). When all are read,
:mod:`.columns` looks at each column, :mod:`.findings` says what is wrong, and :mod:`.as_text`,
:mod:`.as_json` and :mod:`.as_html` tell it.

Memory does not grow with the file: what is counted exactly while it is small is estimated beyond,
and says so.
"""
