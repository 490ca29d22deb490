"""The room stream/commands."""
