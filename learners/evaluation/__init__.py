"""Prequential evaluation: how good the scores given at arrival were, once the labels came.

``evaluator`` gathers ``labelled_examples`` into blocks; ``example_costs`` computes what each costs;
``measures`` adds them up for each score that is compared: over everything and by group
(``groups``, ``group_sums``, ``histograms``), exponentially weighted (``fading``), and over the
last examples (``windows``). ``results`` are the JSON. Sums are fixed point, and so exact.
"""
