"""The room serve/server."""
