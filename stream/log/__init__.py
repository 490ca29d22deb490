"""What a log is: ``contract`` first, then the ``limits`` that every log keeps.

``topics`` names a model's topics, ``journal`` is the order of its batches, ``fingerprint``
recognises records, ``batch`` is what the fold takes of them.
"""
