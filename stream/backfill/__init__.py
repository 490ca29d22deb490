"""History into a candidate version: :mod:`stream.backfill.backfill` folds a file or the log."""
