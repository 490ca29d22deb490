"""The running learner: ``process`` takes lock and epoch, ``beginning`` finds where to start.

``loop`` takes batches, writes outputs and saves; ``heartbeat`` reports and waits out outages.
"""
