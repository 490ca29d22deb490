"""The report on a checkpoint's measures: as text, as JSON and as a page.

``checkpoint_measures`` reads a checkpoint, ``document`` makes the JSON of it, ``overall``,
``served_score`` and ``breakdowns`` make its sections, ``render`` prints them or makes the page.
``verdicts`` is what ``freshet compare`` says; ``served_version`` tells which figures are of what
is served.
"""
