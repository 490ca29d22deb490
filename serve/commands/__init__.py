"""Commands of this package: ``serve`` and ``up``, ``demo``; :mod:`serve.cli` assembles them all."""
