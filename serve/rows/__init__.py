"""Bodies of requests as rows.

``request_rows`` reads rows to score part by part (``json_body``, ``csv_body``) within
``row_limits``; ``appended_records`` makes records, ``row_errors`` words what is wrong, ``crosses``
bounds features; ``readers`` has them by schema, ``plain_values`` is the client's.
"""
