"""Quarantines as people ask for them: ranges of the log that nobody learns who reads it again.

Begin with :mod:`.asked_ranges`, which finds what is meant in the log; :mod:`.listing` tells it.
The registry keeps them (:mod:`learners.registry.requests.quarantine`).
"""
