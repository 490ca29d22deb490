"""The room stream/log."""
