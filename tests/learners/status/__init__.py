"""Tests of the state that ``freshet status`` shows."""
