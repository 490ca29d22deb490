"""Attacks on the HTTP server: real processes, real sockets, and what they do to other callers."""
