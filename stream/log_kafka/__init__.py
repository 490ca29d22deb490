"""The log in Kafka: ``log`` implements the contract with ``reader`` and ``writers``.

``connection`` says where the brokers are and how to reach them; ``login`` and ``certificates`` make
that of the settings. ``client`` opens kafka-python's clients on the connections of ``network``;
``errors`` translates their errors, with ``refusals`` for those of security.
"""

import warnings

with warnings.catch_warnings():
    # It reads its schemas in a way that only Python 3.11 reports as deprecated.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka

__all__ = ["kafka"]
