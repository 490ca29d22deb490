"""What a log is: ``contract`` first, then the ``limits`` that every log enforces.

``topics`` names a model's topics, ``journal`` records the order of its batches, ``fingerprint``
identifies records, ``batch`` is the fold's input.
"""
