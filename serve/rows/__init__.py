"""Bodies of requests as rows.

``request_rows`` reads rows to score (CSV with ``csv_body``), ``appended_records`` makes records of
rows to append, ``refusals`` words what is wrong with a row.
"""
