"""What every route shares of HTTP, before rows and models come in.

A request passes ``security`` (admin routes) and ``body`` (limits, media type, JSON); whatever is
raised becomes a problem document in ``problems``; ``counters`` counts for ``GET /metrics``.
"""
