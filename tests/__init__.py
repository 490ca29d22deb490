"""The tests; each states one behaviour in its docstring's first line."""
