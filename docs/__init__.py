"""Scripts that write what the documentation shows."""
