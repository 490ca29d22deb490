"""What every route shares of HTTP, before rows and models come in.

``every_request`` frames each request; ``body`` reads its body within limits, and its JSON;
``problems`` turns whatever is raised into a problem document; ``prometheus_counters`` counts
requests and rows.
"""
