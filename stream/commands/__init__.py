"""The commands of the stream: ``learn`` (also produce and backfill) and ``outputs``."""
