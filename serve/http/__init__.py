"""What every route shares of HTTP, before rows and models come in.

``every_request`` frames each request; ``body`` reads its body within limits; ``turns`` does long
work in slices, ``thread_pools`` what waits for others; ``problems`` turns whatever is raised into a
problem document; ``prometheus_counters`` and ``prometheus_gauges`` are /metrics.
"""
