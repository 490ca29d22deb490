"""``freshet try``: no look ahead, the same rows for all, and the sentence that follows."""
