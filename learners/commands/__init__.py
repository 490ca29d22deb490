"""Commands on versions (models, show, score, promote, rollback, history) and on reports."""
