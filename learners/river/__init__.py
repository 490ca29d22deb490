"""The room learners/river."""
