"""Processes of Freshet run by another: ``up`` and the demo start learner and server here.

``supervisor`` restarts what dies, ``child`` is one process, ``ports`` finds and takes addresses.
"""
