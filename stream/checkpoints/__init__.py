"""A lineage's state on disk: ``saver`` decides when and commits, ``checkpoint`` writes and loads.

``same_model`` refuses to resume under another config or on other topics.
"""
