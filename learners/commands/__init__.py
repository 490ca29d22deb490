"""Commands on versions (list, show, score, promote, rollback, ledger) and on reports."""
