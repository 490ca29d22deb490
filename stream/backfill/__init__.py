"""The room stream/backfill."""
