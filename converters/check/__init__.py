"""What ``freshet check`` reports of a file.

``check.report`` is the way through: ``profile`` reads every row once, ``column_counts``,
``class_balance`` and ``time_order`` count, ``findings`` says what is wrong, the result is a
``data_report``, and ``rendering`` shows it as text, JSON or a page.
"""
