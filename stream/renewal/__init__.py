"""The numbers that a config has from data, proposed anew from what the log holds now.

Begin with ``renewed_config``; ``newest_numbers`` reads the log, ``edited_numbers`` edits the text.
Whether a column's numbers have moved says :mod:`learners.selection.number_drift`.
"""
