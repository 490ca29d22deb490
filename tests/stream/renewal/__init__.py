"""Tests of a config's numbers proposed anew."""
