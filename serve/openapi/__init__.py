"""The room serve/openapi."""
