"""Scores of the user's own, compared with the learner's on the labelled events of the log.

``score_column`` reads the file, ``labelled_events`` looks its ids up in the topics; the statistics
are those of every other contender.
"""
