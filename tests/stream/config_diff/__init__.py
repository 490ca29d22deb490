"""The tests of ``stream.config_diff``."""
