"""The stream's commands: ``learn`` (also produce and backfill), ``outputs``, ``dead_letters``."""
