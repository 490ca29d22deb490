"""The room learners/commands."""
