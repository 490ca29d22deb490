"""The cells of one column: checked, and written for Vowpal Wabbit.

``kind`` is the contract of a kind of column; ``numbers`` and ``categories`` implement it, and
``feature`` adds missing cells and namespaces. ``weight`` and ``times`` read the cells of those
roles; ``refusal`` has the escapes, and what is said of a cell that must not be learned.
"""
