"""The room stream/learner."""
