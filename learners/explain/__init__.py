"""What a model knows and why it scores as it does.

``kept_rows`` are the typical rows that a snapshot keeps.
"""
