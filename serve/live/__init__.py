"""The room serve/live."""
