"""Commands on versions (``models``, ``show``, ``promote``, ``rollback``, ``history``) and reports."""
