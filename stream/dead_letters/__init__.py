"""The room stream/dead_letters."""
