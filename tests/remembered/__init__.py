"""What callers were given over HTTP, through kills: each event once, with the score of its answer.

``proof`` runs servers, a learner and callers, kills them, and judges; ``test_remembered`` runs it
short.
"""
