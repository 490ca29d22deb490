"""Events that wait for their labels: who is remembered, with what, and how that is saved."""
