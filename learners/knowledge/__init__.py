"""What a version knows, and how two versions differ: weights by name, importances, files of them.

Begin with ``version_weights``: it opens a version and tells its weights.
"""
