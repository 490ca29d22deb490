"""The room learners/versions."""
