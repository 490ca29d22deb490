"""Quarantines as people ask for them: ranges of the log that nobody learns who reads it again.

Begin with :mod:`.asked_ranges`, which finds what is meant in the log; :mod:`.preview` tells what it
holds, :mod:`.export` writes its rows, and :mod:`.resubmit` sends them corrected. :mod:`.replay`
asks for a replay without it. The registry keeps them.
"""
