"""How results are shown: options that all commands share, tables, charts and pages.

Every floor's commands and reports use ``command_line`` and ``tables``; ``pages`` writes a
self-contained HTML page, ``charts`` draws its SVG.
"""
