"""The server's processes and connections.

``server`` runs uvicorn with one process or several; a ``listener`` accepts connections as there is
room in the table of ``connections``; each is a ``protocol``, which bounds and checks ``heads`` and
``chunks`` and passes whole requests to the application.
"""
