"""Who may do what over HTTP.

``caller`` says who sent a request; ``guard`` lets it through to a route, or refuses it.
"""
