"""Events and their labels joined by id: ``joiner`` decides, over one ``queue`` for each role.

A queue keeps its numbers in a ``column_store``; that of the ids that are resolved is an
``id_window``. ``saved`` writes and reads all queues, in ``segments`` whose files ``row_files`` lays
out.
"""
