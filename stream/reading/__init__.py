"""The room stream/reading."""
