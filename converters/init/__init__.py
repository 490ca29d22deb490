"""From a sample of a CSV file to a commented ``freshet.toml``.

``trial.written`` is the way through: ``schema_inference`` decides every column (``declared`` those
that options name, ``column_guess`` the others), ``config_text`` writes the file, and it is tried on
the rows; ``interactions`` adds pairs of features to cross.
"""
