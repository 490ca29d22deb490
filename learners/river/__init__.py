"""river's learners: ``learner`` is its logistic regression, ``forest`` its forests, for shadows.

``line_by_line`` has what both share; ``adaptive`` and ``mondrian`` are the two forests.
``arguments`` makes complete arguments from a config, and needs no river.
"""
