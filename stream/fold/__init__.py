"""The room stream/fold."""
