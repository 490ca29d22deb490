"""``convert --csv2vw``: exactly what the classic script csv2vw prints.

``flags_and_layout`` parses its flags and a file's first line; ``convert`` reads the file and prints
blocks of lines by ``blocks`` (over ``block_marks`` and ``block_words``) or ``row_by_row``.
"""
