"""The converter: the cells of a row -> (id, label, Vowpal Wabbit text), or why it is refused.

``to_vw_text`` compiles a schema to functions; ``records`` reads the value of a log record or a body
through them, ``whole_file`` a CSV file. ``from_vw_text`` reads the text again for river.
"""
