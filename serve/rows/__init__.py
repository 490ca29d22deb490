"""Bodies of requests as rows.

``request_rows`` reads rows to score (CSV with ``csv_body``), ``appended_records`` makes records of
rows to append, ``row_errors`` words what is wrong with a row.
"""
