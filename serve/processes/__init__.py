"""The room serve/processes."""
