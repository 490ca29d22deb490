"""Who may do what over HTTP.

``guard`` lets a request through to a route or refuses it, by ``hosts`` and by ``credentials``: the
file of named ``tokens``, and the ``local_admin`` token. ``caller`` says who sent a request.
"""
