"""The log in Kafka: ``log`` implements the contract with ``reader`` and ``writers``.

``client`` is what is used of kafka-python; ``errors`` says what its errors mean.
"""
