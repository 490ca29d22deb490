"""Tests of learners.explain."""
