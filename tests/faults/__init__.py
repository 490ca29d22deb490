"""Faults that are made for real, and what becomes of the learner under them."""
