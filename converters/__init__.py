"""First floor: rows in, a learner's input out; nothing here touches a network or a clock.

A row passes ``files`` (bytes to rows), ``cells`` under the ``schema`` made from the ``config``, and
``convert``, which gives Vowpal Wabbit text. ``csv2vw`` prints what the classic script does.
``sampling``, ``init`` and ``check`` judge data; ``show`` and ``commands`` have the command line.
"""
