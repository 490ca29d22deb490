"""JSON as rows: what parses, where in it rows are, and the cells of each that CSV would hold.

``json_rows`` is the plain way, object by object; ``json_columns`` takes many that have the same
keys at once, and ``alike_objects`` finds the values of many that are written alike in their bytes.
"""
