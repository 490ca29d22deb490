"""The embedded log: ``log`` implements the contract, ``reader`` reads, ``file`` is the file."""
