"""What is done with a version besides serving it.

``gate`` judges a snapshot before it becomes one, ``describe`` shows versions and the ledger as
JSON and tables, ``lineage_tree`` draws which came from which, ``score_file`` scores a CSV file
with one, ``own_schema`` has the schema under which it scores.
"""
