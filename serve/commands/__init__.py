"""The room serve/commands."""
