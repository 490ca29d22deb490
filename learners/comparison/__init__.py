"""Two scores of the same labelled examples: which is better, by how much, and how surely.

``compare`` first: it takes areas to ``delong`` and all other measures to the ``bootstrap``.
``value`` is the value of decisions, and the best threshold.
"""
