"""The room serve/demo."""
