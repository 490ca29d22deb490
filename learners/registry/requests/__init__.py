"""What people ask of the learner: to take a backfill, to go back, to leave records out."""
