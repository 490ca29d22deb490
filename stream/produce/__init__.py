"""The room stream/produce."""
