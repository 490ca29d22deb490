"""The room serve/rows."""
