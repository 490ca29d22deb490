"""An edited config against the one that a model has.

``changes`` says what differs, key by key and in words; ``costs`` is the table of what each key
costs a model that has learned.
"""
