"""river's logistic regression as a learner: ``learner`` implements the contract.

``arguments`` makes its complete arguments from a config, and needs no river.
"""
