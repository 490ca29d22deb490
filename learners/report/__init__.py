"""The report of a model's measures: what a checkpoint has measured, as text, JSON and a page.

:mod:`~learners.report.read` reads a checkpoint, :mod:`~learners.report.document` makes
the one document of it that ``--json`` prints, the sections word and picture that document, and
``as_text`` and ``as_html`` show them. The commands are :mod:`learners.commands.report`.
"""
