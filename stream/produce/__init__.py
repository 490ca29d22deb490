"""A CSV file onto the log: ``file_records`` forms records, ``producer`` sends them at a pace."""
