"""Tests of scores of the user's own."""
