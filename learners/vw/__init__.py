"""Vowpal Wabbit as a learner.

``learner`` implements the contract, ``arguments`` checks what a config may pass, ``model_file``
reads VW's files, which VW itself loads even when damaged.
"""
