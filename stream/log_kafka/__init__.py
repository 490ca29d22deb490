"""The log in Kafka: ``log`` implements the contract with ``reader`` and ``writers``.

``client`` wraps kafka-python; ``errors`` translates its errors.
"""
