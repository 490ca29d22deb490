"""Random walks over everything that can happen to a learner that is rolled back."""
