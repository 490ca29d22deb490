"""The room serve/routes."""
