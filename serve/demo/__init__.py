"""The demo. ``demo`` plays and shows it; ``flights`` is its data, ``folder`` its place on disk.

``screen`` draws what ``demo`` collects.
"""
