"""The room stream/log_sqlite."""
