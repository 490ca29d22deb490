"""Prequential evaluation: how good the scores given at arrival were, once the labels came.

``evaluator`` gathers ``labelled_examples`` into blocks, ``example_costs`` computes what each costs,
``measures`` adds them up by group, by window and exponentially weighted, in exact fixed point;
``results`` gives the JSON.
"""
