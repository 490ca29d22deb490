"""Choosing how a stream is learned, from a sample of its rows.

``configurations`` are the ways that there are, ``progressive`` measures one, ``choice`` picks.
"""
