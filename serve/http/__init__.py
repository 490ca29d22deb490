"""The room serve/http."""
