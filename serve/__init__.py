"""Top floor: the HTTP server, its pages, the demo, and the assembled command line.

``cli`` lists the commands; ``client`` calls a server from Python. ``server`` runs ``app``, which
puts the ``routes`` around one ``service``: a request passes ``http`` and ``access``, becomes
``rows`` and is answered by what is ``live``.
"""
