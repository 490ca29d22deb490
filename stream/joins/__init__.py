"""Events and their labels joined by id: ``joiner`` decides, over one ``queue`` for each role, which is
an ``id_window`` for the ids that are resolved.

A queue keeps its numbers in a ``column_store``. ``saved`` writes and reads all queues, in
``segments`` whose files ``row_files`` lays out.
"""
