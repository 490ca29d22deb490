"""What every route shares of HTTP, before rows and models come in.

A request passes ``security`` (admin routes) and ``body`` (limits, media type, JSON); ``problems``
turns whatever is raised into a problem document; ``prometheus_counters`` counts requests and rows.
"""
