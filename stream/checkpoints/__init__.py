"""The room stream/checkpoints."""
