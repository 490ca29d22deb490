"""The report on a checkpoint's measures: as text, as JSON and as a page.

``checkpoint_measures`` reads a checkpoint, ``document`` makes the JSON of it; ``render`` shows the
sections. ``verdicts`` is ``freshet compare``; ``served_version``, whose figures are served.
"""
