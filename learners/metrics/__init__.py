"""The room learners/metrics."""
