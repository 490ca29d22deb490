"""The server's processes and connections.

``server`` runs uvicorn with one process or several; each connection is a ``protocol``, which passes
whole requests to the application.
"""
