"""The room learners/vw."""
