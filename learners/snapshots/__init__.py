"""Snapshots: the learner's state on disk, written whole or not at all, loaded only if unchanged.

The learner process writes one at every checkpoint; a row of the registry makes it exist. Start
with ``store`` (drafts, copies for reading, orphans); ``manifest`` says what a folder holds,
``disk`` makes the system calls.
"""
